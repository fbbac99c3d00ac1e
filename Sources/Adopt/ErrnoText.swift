import Glibc

/// What an errno means, in words.
func errnoText(_ error: CInt) -> String {
  Glibc.strerror(error).map { String(cString: $0) } ?? "error \(error)"
}
