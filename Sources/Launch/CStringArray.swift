/// Byte strings as C wants them: an array of pointers to strings that end in NUL, itself ended by a
/// null pointer, as execve(2) takes its arguments.
struct CStringArray {
  /// All strings one after another, each with its NUL.
  private var storage: [CChar] = []
  /// Where each begins.
  private var offsets: [Int] = []

  init(_ strings: [[UInt8]]) {
    storage.reserveCapacity(strings.reduce(0) { $0 + $1.count + 1 })
    offsets.reserveCapacity(strings.count)
    for string in strings {
      offsets.append(storage.count)
      storage.append(contentsOf: string.lazy.map(CChar.init(bitPattern:)))
      storage.append(0)
    }
  }

  /// Calls body with the pointers, which hold during the call.
  consuming func withPointers<Result>(
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    let offsets = offsets
    return storage.withUnsafeMutableBufferPointer { storage in
      withUnsafeTemporaryAllocation(
        of: UnsafeMutablePointer<CChar>?.self, capacity: offsets.count + 1
      ) { pointers in
        for (index, offset) in offsets.enumerated() {
          pointers.initializeElement(at: index, to: storage.baseAddress?.advanced(by: offset))
        }
        pointers.initializeElement(at: offsets.count, to: nil)
        // An array with room for a null pointer at least is never without an address.
        return body(pointers.baseAddress!)
      }
    }
  }
}
