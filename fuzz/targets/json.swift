// What json= expects, a NUL, and a document from a hostile server.
// sources: Sources/Checks/JSON/*.swift Sources/Checks/Grammar/SpecError.swift Sources/Checks/Grammar/WholeNumber.swift
import FoundationEssentials

/// Reads any document and keeps nothing.
private struct Anything: Decodable {
  init(from decoder: any Decoder) throws {}
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let (text, document) = Input(start, count).halves
  do {
    let expectation = try JSONExpectation.parse(Input.text(text))
    let reason = expectation.problem(of: UnsafeRawBufferPointer(rebasing: document))
    if let reason { expectLine(reason) }
    // What this reader takes, any other takes too; not the other way round.
    let isRefused =
      reason == "the body is not JSON" || reason == "the body is empty"
      || reason?.hasPrefix("the body is nested") == true
    if !isRefused {
      precondition((try? JSONDecoder().decode(Anything.self, from: Data(document))) != nil)
    }
  } catch let error {
    expectLine(error.message)
  }
  return 0
}
