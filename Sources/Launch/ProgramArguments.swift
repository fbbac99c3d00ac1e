import Glibc

/// This program's own arguments as bytes. `CommandLine.arguments` repairs what is not UTF-8, and
/// a repaired argument is not the one that was given.
public enum ProgramArguments {
  /// All arguments, the program's name first.
  public static var current: [[UInt8]] {
    (0..<Int(CommandLine.argc)).compactMap { index in
      CommandLine.unsafeArgv[index].map { bytes(of: $0) }
    }
  }
}

/// The bytes of a C string, without its NUL.
func bytes(of string: UnsafePointer<CChar>) -> [UInt8] {
  Array(UnsafeRawBufferPointer(start: string, count: strlen(string)))
}
