// --listen: its words, and where each socket comes from.
// sources: Sources/Sockets/Listen*.swift Sources/Sockets/StoreMark.swift Sources/Sockets/BoundAddress.swift

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let (first, second) = Input(start, count).halves
  var specs: [ListenSpec] = []
  for text in [Input.text(first), Input.text(second)] {
    do {
      let spec = try ListenSpec(text: text, words: text.split(separator: " ").map(String.init))
      specs.append(spec)
      // What it is called means the same again.
      let again = try ListenAddress(parsing: spec.address.description)
      precondition(again == spec.address)
      // fdname_is_valid() of systemd.
      let mark = StoreMark(spec).description
      precondition(mark.utf8.count <= 255)
      precondition(mark.utf8.allSatisfy { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: ":") })
    } catch {
      expectLine("\(error)")
    }
  }
  do throws(ListenMistake) {
    try ListenSpec.requireDistinct(specs)
    if specs.count == 2 { precondition(StoreMark(specs[0]) != StoreMark(specs[1])) }
    // What was stored is found again.
    let received = specs.map { spec in
      ListenPlan.Received(name: StoreMark(spec).description, bound: bound(spec.address))
    }
    let plan = try ListenPlan(specs, received)
    precondition(plan.sources == specs.indices.map { .stored($0) })
    precondition(plan.stale.isEmpty && plan.passedOn.isEmpty)
  } catch {
    expectLine(error.message)
  }
  return 0
}

private func bound(_ address: ListenAddress) -> BoundAddress {
  var place = address.place
  if case .everywhere(let port) = place { place = .ip6(Array(repeating: 0, count: 16), port: port) }
  return BoundAddress(kind: address.kind, place: place)
}
