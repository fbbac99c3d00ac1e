// A datagram as the child, or anybody, may send it to vouch's notify socket.
// sources: Sources/Supervision/*.swift

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  do {
    let message = try NotifyMessage(parsing: bytes)
    // What is read is the same each time, and no longer than what was sent: texts that are no UTF-8 are
    // mended, which makes at most three bytes of one.
    precondition(try! NotifyMessage(parsing: bytes) == message)
    precondition((message.status ?? "").utf8.count <= 3 * bytes.count)
  } catch {
    precondition(count > NotifyMessage.sizeLimit || bytes.dropLast().contains(0))
  }
  return 0
}
