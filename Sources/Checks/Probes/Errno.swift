import Glibc

/// What strerror(3) says, in the lower case of a sentence's middle.
func words(for code: CInt) -> String {
  beginningLower(String(cString: strerror(code)))
}

/// "Connection refused" as "connection refused"; "RPC failed" stays.
func beginningLower(_ text: String) -> String {
  guard let first = text.first else { return text }
  let rest = text.dropFirst()
  if let second = rest.first, second.isUppercase { return text }
  return first.lowercased() + rest
}

/// Whether this errno means that vouch itself lacks something, which says nothing of the child
/// (rule 7): descriptors, memory, a local port to connect from.
func isOwnTrouble(_ code: CInt) -> Bool {
  switch code {
  case EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL: true
  default: false
  }
}
