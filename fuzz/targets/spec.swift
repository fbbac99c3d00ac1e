// Any SPEC, as --http (first byte even), --tcp, --exec and their kin take it.
// sources: Sources/Checks/Grammar/*.swift Sources/Checks/JSON/*.swift Sources/Checks/Pattern/*.swift Sources/Checks/Probes/HTTPRequestText.swift

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Input(start, count)
  guard let first = input.bytes.first else { return 0 }
  let kinds = CheckSpec.Kind.allCases
  let kind = kinds[Int(first) % kinds.count]
  let text = Input.text(input.bytes.dropFirst())
  do {
    let spec = try CheckSpec.parse(kind: kind, text: text)
    expectLine(spec.derivedName)
    if let name = spec.name { expectLine(name) }
    if case .http(let http) = spec.probe {
      // Nothing that the SPEC says may end a line of the request, or the request itself.
      let request = Array(HTTPRequestText.make(http, version: "1").utf8)
      precondition(request.suffix(4) == Array("\r\n\r\n".utf8)[...])
      var ends = 0
      for (index, byte) in request.enumerated() where byte == 0x0D || byte == 0x0A || byte == 0 {
        precondition(byte != 0)
        if byte == 0x0D { precondition(request[index + 1] == 0x0A) }
        if byte == 0x0A {
          precondition(request[index - 1] == 0x0D)
          ends += 1
        }
      }
      let defaults = ["host", "user-agent", "accept"].count { !http.headers.has($0) }
      let length = ["POST", "PUT", "PATCH"].contains(http.method) ? 1 : 0
      precondition(ends == 3 + defaults + length + http.headers.fields.count)
    }
  } catch {
    expectLine(error.message)
  }
  return 0
}
