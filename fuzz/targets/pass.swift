// The values of --pass, and the placeholders of templates and arguments.
// sources: Sources/Handover/*.swift

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Input(start, count)
  let (first, second) = input.halves
  let bytes = second.filter { $0 != 0 }
  let sockets = [
    HandedSocket(descriptor: 5, name: "web", address: .ip6(host: "::", port: 80)),
    HandedSocket(descriptor: 4, name: "app", address: .path(bytes)),
  ]
  for number in 0...sockets.count {
    do {
      let pass = try PassProtocol.parse(Input.text(first).split(separator: " ").map(String.init))
      let command = [Array("server".utf8), bytes]
      let handover = try Handover.plan(
        pass, sockets: Array(sockets.prefix(number)), arguments: command)
      precondition(handover.arguments.count == command.count)
      let isFilled = pass != .systemd && handover.arguments != command
      precondition(!isFilled || bytes.contains(UInt8(ascii: "{")))
    } catch let error {
      expectLine(error.description)
    }
  }
  // Text without an opening brace is itself.
  let plain = bytes.filter { $0 != UInt8(ascii: "{") }
  let filled = try? Template(plain).filled(with: HandedSockets([]))
  precondition(filled == plain)
  return 0
}
