import Checks
import Testing

@testable import VouchKit

@Suite struct CheckNamesTests {
  private func names(_ texts: String...) throws -> [String] {
    CheckNames.unique(try texts.map { try CheckSpec.parse(kind: .http, text: $0) })
  }

  @Test("derived names are told apart by a number")
  func derived() throws {
    #expect(try names("/", "/", "/x", "/") == ["http /", "http / #2", "http /x", "http / #3"])
  }

  @Test("a given name stays, and a derived one makes way for it")
  func given() throws {
    #expect(try names("/", "/a 'name=http /'") == ["http / #2", "http /"])
    #expect(try names("/ name=a", "/ name=a") == ["a", "a"])
  }
}
