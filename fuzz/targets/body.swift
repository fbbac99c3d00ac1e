// A pattern of body=, a NUL, and a body to find it in.
// sources: Sources/Checks/Grammar/BodyPattern.swift Sources/Checks/Pattern/*.swift Sources/Checks/Grammar/SpecError.swift

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let (pattern, body) = Input(start, count).halves
  do {
    let matcher = try BodyMatcher(try BodyPattern.parse(Input.text(pattern)))
    // With a NUL behind it: AddressSanitizer's regexec() does not know REG_STARTEND.
    let copy = Array(body) + [0]
    copy.withUnsafeBytes { _ = matcher.matches(UnsafeRawBufferPointer(rebasing: $0.dropLast())) }
  } catch let error {
    expectLine(error.message)
  }
  return 0
}
