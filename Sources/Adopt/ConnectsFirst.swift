/// Programs that connect to their own Unix path before they bind it, and end when somebody answers: with
/// a passed socket the kernel always does.
public enum ConnectsFirst {
  /// - Parameters:
  ///   - program: the path or name of the command.
  ///   - addresses: those of the passed sockets.
  /// - Returns: why they cannot be adopted, and what to do instead; nil where nothing speaks against it.
  public static func objection(program: [UInt8], addresses: [BindAddress]) -> String? {
    let name = program.split(separator: UInt8(ascii: "/")).last ?? []
    let path = addresses.first { if case .path = $0 { true } else { false } }
    // fpm_socket_unix_test_connect of php-src's sapi/fpm/fpm/fpm_sockets.c.
    guard name.starts(with: "php-fpm".utf8), let path else { return nil }
    return
      "php-fpm connects to \(path) before it binds it, takes whoever holds it for another php-fpm, and "
      + "ends: use --pass php-fpm, which it understands, or a TCP address"
  }
}
