import Foundation
import Launch
import Testing

@Suite("environment files") struct EnvironmentFileTests {
  struct Row: Decodable, Sendable, CustomTestStringConvertible {
    var text: String
    var expected: [String]
    var testDescription: String { text.debugDescription }
  }

  /// A real systemd is asked about each in IntegrationTests.
  static let rows: [Row] = {
    let file = URL(filePath: #filePath).appending(path: "../../fixtures/environment_files.json")
    return try! JSONDecoder().decode([Row].self, from: Data(contentsOf: file.standardized))
  }()

  @Test("has the variables that systemd.exec(5) says", arguments: rows)
  func parses(_ row: Row) throws {
    let file = try EnvironmentFile(parsing: Array(row.text.utf8))
    #expect(
      file.variables.map { $0.name + "=" + String(decoding: $0.value, as: UTF8.self) }
        == row.expected)
  }

  @Test("names the lines that it passes over")
  func invalidNames() throws {
    let file = try EnvironmentFile(parsing: Array("export A=b\nC=d\n=e=f\n".utf8))
    #expect(file.invalidNames == ["export A", "=e"])
  }

  @Test("a comment ends with its line, as from systemd 254 on")
  func comment() throws {
    let file = try EnvironmentFile(parsing: Array("# A=b\\\nC=d\n".utf8))
    #expect(file.variables.map(\.name) == ["C"])
  }

  @Test("is refused as a whole where it is no text")
  func noText() {
    #expect(throws: EnvironmentFile.Malformed.hasNUL) {
      try EnvironmentFile(parsing: Array("A=b\0\n".utf8))
    }
    #expect(throws: EnvironmentFile.Malformed.isNotUTF8(line: 2)) {
      try EnvironmentFile(parsing: Array("A=b\nC='\n".utf8) + [0xFF])
    }
  }
}
