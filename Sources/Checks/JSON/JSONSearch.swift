/// Looks in a JSON document for what stands at one path, in one pass, and reads the whole of it: what
/// is no JSON from beginning to end is none. The document comes from a server that may be hostile.
struct JSONSearch {
  /// What stands at the path, in terms of the document's bytes.
  enum Found {
    case nothing, null, array, object
    case boolean(Bool)
    case number(Range<Int>)
    case string(JSONCursor.Text)
  }

  enum Problem: Error { case malformed, tooDeep }

  /// As deep as arrays and objects may lie in each other.
  static let depthLimit = 512

  /// An array or object that is open.
  private struct Frame {
    var isObject: Bool
    /// Whether the path leads to it or through it.
    var isOnPath: Bool
    /// Of the present element of an array.
    var index = 0
  }

  private let steps: [JSONPath.Step]
  private var cursor: JSONCursor
  private var open: [Frame] = []
  private var found = Found.nothing

  /// - Returns: of several members with the same name the last counts, as with most readers.
  static func find(
    _ path: JSONPath, in bytes: UnsafeRawBufferPointer
  ) throws(Problem) -> Found {
    // RFC 8259, 8.1: UTF-8, whose byte order mark may be ignored.
    do {
      _ = try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)
    } catch {
      throw .malformed
    }
    var search = JSONSearch(steps: path.steps, cursor: JSONCursor(bytes))
    _ = search.cursor.take("\u{FEFF}")
    try search.document()
    return search.found
  }

  private init(steps: [JSONPath.Step], cursor: JSONCursor) {
    self.steps = steps
    self.cursor = cursor
  }

  private mutating func document() throws(Problem) {
    var isSelected = true
    while true {
      if try !value(isSelected) {
        // Something was opened that is not empty: its first member follows.
        isSelected = try member()
        continue
      }
      while let frame = open.last {
        cursor.skipBlanks()
        if cursor.take(UInt8(ascii: ",")) { break }
        guard cursor.take(frame.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
          throw .malformed
        }
        open.removeLast()
      }
      if open.isEmpty {
        cursor.skipBlanks()
        if !cursor.isAtEnd { throw .malformed }
        return
      }
      open[open.count - 1].index += 1
      isSelected = try member()
    }
  }

  /// Reads a value, of an array or object only the beginning.
  ///
  /// - Parameter isSelected: whether the path leads to this value or through it.
  /// - Returns: whether that is all of it.
  private mutating func value(_ isSelected: Bool) throws(Problem) -> Bool {
    cursor.skipBlanks()
    let isSought = isSelected && open.count == steps.count
    let value: Found
    switch cursor.peek {
    case UInt8(ascii: "{"): return try begin(isObject: true, isSelected, isSought)
    case UInt8(ascii: "["): return try begin(isObject: false, isSelected, isSought)
    case UInt8(ascii: "\""):
      guard let text = cursor.string() else { throw .malformed }
      value = .string(text)
    case UInt8(ascii: "t") where cursor.take("true"): value = .boolean(true)
    case UInt8(ascii: "f") where cursor.take("false"): value = .boolean(false)
    case UInt8(ascii: "n") where cursor.take("null"): value = .null
    default:
      guard let number = cursor.number() else { throw .malformed }
      value = .number(number)
    }
    if isSought { found = value }
    return true
  }

  private mutating func begin(
    isObject: Bool, _ isSelected: Bool, _ isSought: Bool
  ) throws(Problem) -> Bool {
    if open.count == Self.depthLimit { throw .tooDeep }
    _ = cursor.take(isObject ? UInt8(ascii: "{") : UInt8(ascii: "["))
    if isSought { found = isObject ? .object : .array }
    cursor.skipBlanks()
    if cursor.take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return true }
    open.append(Frame(isObject: isObject, isOnPath: isSelected && !isSought))
    return false
  }

  /// Reads a member's name, where it has one.
  ///
  /// - Returns: whether the path leads to its value or through it.
  private mutating func member() throws(Problem) -> Bool {
    let frame = open[open.count - 1]
    let step = frame.isOnPath ? steps[open.count - 1] : nil
    guard frame.isObject else {
      if case .index(frame.index) = step { return true }
      return false
    }
    cursor.skipBlanks()
    guard let name = cursor.string() else { throw .malformed }
    cursor.skipBlanks()
    guard cursor.take(UInt8(ascii: ":")) else { throw .malformed }
    guard case .key(let key) = step, cursor.contents(of: name) == key else { return false }
    // Of an earlier member of the same name nothing counts.
    found = .nothing
    return true
  }
}
