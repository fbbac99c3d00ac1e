import Checks
import Foundation
import Handover
import Testing

/// The prose of the man page names everything that a SPEC may hold: the argument parser cannot tell it.
@Suite struct ManPageTests {
  private let page: String

  init() throws {
    let repository = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    page = try String(contentsOf: repository.appending(path: "man/vouch.1.in"), encoding: .utf8)
  }

  @Test(
    "each kind of check has a section, and each of its keys an item",
    arguments: CheckSpec.Kind.allCases)
  func kinds(kind: CheckSpec.Kind) throws {
    let section = try #require(
      page.range(of: ".Ss --\(kind.rawValue)\n"), "a section for --\(kind.rawValue)")
    let end =
      page.range(of: "\n.S", range: section.upperBound..<page.endIndex)?.lowerBound
      ?? page.endIndex
    let common = try #require(page.range(of: ".Ss SPEC\n"))
    let text =
      page[section.upperBound..<end]
      + page[common.upperBound..<(page.range(of: ".Ss --")?.lowerBound ?? page.endIndex)]
    for key in kind.keys {
      #expect(text.contains("Cm \(key)="), "\(key)= of --\(kind.rawValue) is not told")
    }
  }

  @Test("each value of gates= is told")
  func gates() {
    let values = CheckSpec.Gates.allCases.map(\.rawValue).joined(separator: "|")
    #expect(page.contains(".It Cm gates= Ns Ar \(values)"))
  }

  @Test("each way of --pass is told", arguments: PassProtocol.names)
  func protocols(name: String) throws {
    let section = try #require(page.range(of: ".Ss --pass\n"))
    let word = name.hasPrefix("env:") ? "env: Ns Ar NAME" : name
    #expect(page[section.upperBound...].contains(".It Cm \(word)"))
  }
}
