import Adopt
import Testing

@Suite("programs that connect before they bind") struct ConnectsFirstTests {
  static let path = BindAddress.path(Array("/run/php.sock".utf8))
  static let tcp = BindAddress.ip4(0x7F00_0001, port: 9000)

  @Test(
    "php-fpm on a Unix path is told what to use instead",
    arguments: ["php-fpm8.2", "/usr/sbin/php-fpm"])
  func objection(_ program: String) throws {
    let reason = try #require(
      ConnectsFirst.objection(program: Array(program.utf8), addresses: [Self.tcp, Self.path]))
    #expect(reason.contains("/run/php.sock"))
    #expect(reason.contains("--pass php-fpm"))
  }

  @Test("nothing speaks against others, nor against php-fpm on a port")
  func none() {
    #expect(ConnectsFirst.objection(program: Array("php-fpm".utf8), addresses: [Self.tcp]) == nil)
    #expect(
      ConnectsFirst.objection(program: Array("/php-fpm/nginx".utf8), addresses: [Self.path]) == nil)
    #expect(ConnectsFirst.objection(program: [], addresses: [Self.path]) == nil)
  }
}
