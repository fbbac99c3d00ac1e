// A SPEC taken apart into words, as a shell does.
// sources: Sources/Checks/Grammar/ShellWords.swift Sources/Checks/Grammar/SpecError.swift

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let text = Input(start, count).text
  do {
    let words = try ShellWords.split(text)
    // Each word quoted is the same word again.
    let quoted = words.map { word in
      "'" + word.unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined() + "'"
    }
    let again = try ShellWords.split(quoted.joined(separator: " "))
    precondition(again.map { Array($0.utf8) } == words.map { Array($0.utf8) })
  } catch let error {
    expectLine(error.message)
  }
  return 0
}
