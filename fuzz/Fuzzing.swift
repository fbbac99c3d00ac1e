/// What the targets have in common.
struct Input {
  let bytes: UnsafeRawBufferPointer

  init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  /// As an argument of a command line comes: UTF-8, mended where it is not, and without NUL.
  var text: String { Self.text(bytes[...]) }

  /// What stands before and after the first NUL.
  var halves: (Slice<UnsafeRawBufferPointer>, Slice<UnsafeRawBufferPointer>) {
    let end = bytes.firstIndex(of: 0) ?? bytes.endIndex
    return (bytes[..<end], bytes[end...].dropFirst())
  }

  static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    String(decoding: bytes.lazy.filter { $0 != 0 }, as: UTF8.self)
  }
}

/// A message must be one line, and short enough for a journal.
func expectLine(_ message: String) {
  precondition(!message.isEmpty && message.utf8.count < 6000, "length")
  for scalar in message.unicodeScalars {
    precondition(scalar.properties.generalCategory != .control, "control character: \(message)")
  }
}
