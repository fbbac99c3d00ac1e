import Glibc

/// A fresh folder for the files of one test.
struct TestFolder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/vouch-checks-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    // The workers of a server may be another user's.
    chmod(path, 0o755)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    guard let file = fopen(file(name), "we") else { throw SystemError("fopen") }
    defer { fclose(file) }
    fputs(text, file)
    return self.file(name)
  }

  func read(_ name: String) throws -> String {
    guard let file = fopen(file(name), "re") else { throw SystemError("fopen") }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  func remove() throws { try runToEnd(["rm", "-r", path]) }
}
