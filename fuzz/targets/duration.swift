// Time spans, and their form in messages.
// sources: Sources/Checks/Grammar/DurationText.swift Sources/Checks/Grammar/SpecError.swift

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let text = Input(start, count).text
  do {
    let span = try DurationText.parse(text)
    precondition(span >= .zero)
    let shown = DurationText.format(span)
    expectLine(shown)
    if span < .seconds(86400 * 365) {
      // What vouch shows it also understands, to within what it rounds.
      let again = try DurationText.parse(shown)
      let error = again > span ? again - span : span - again
      precondition(error <= max(span / 20, .microseconds(51)), "\(text): \(shown)")
    }
  } catch let error {
    expectLine(error.message)
  }
  return 0
}
