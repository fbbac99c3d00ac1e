import Glibc
import Testing

@testable import Checks

extension ProbeTests {
  @Suite("tls-cert= and tls-key=")
  struct TLSFileTests {
    @Test("a file that cannot be used is an error at the start, with its path and the reason")
    func unusable() throws {
      let folder = try TestFolder()
      defer { try? folder.remove() }
      let authority = try PrivateAuthority(folder, "authority")
      let (one, two) = (try authority.issue("one"), try authority.issue("two"))
      let text = try folder.write("text", "hello\n")
      let empty = try folder.write("empty", "")
      let cut = try folder.write("cut", String(try folder.read("one.pem").prefix(200)))
      try runToEnd([
        "openssl", "ec", "-in", one.key, "-aes128", "-passout", "pass:secret", "-out",
        folder.file("old.key"),
      ])
      try runToEnd([
        "openssl", "pkcs8", "-topk8", "-in", one.key, "-passout", "pass:secret", "-out",
        folder.file("new.key"),
      ])
      mkfifo(folder.file("fifo"), 0o600)
      let cert = "tls-cert=\(one.certificate)"
      let table: [(keys: String, message: String)] = [
        ("tls-cert=/nonexistent", "tls-cert=: /nonexistent: no such file or directory"),
        ("tls-cert=\(folder.path)", "tls-cert=: \(folder.path): it is not a regular file"),
        (
          "tls-cert=\(folder.file("fifo"))",
          "tls-cert=: \(folder.file("fifo")): it is not a regular file"
        ),
        ("tls-cert=\(text)", "tls-cert=: \(text): it holds no certificate in PEM form"),
        ("tls-cert=\(empty)", "tls-cert=: \(empty): it holds no certificate in PEM form"),
        ("tls-cert=\(cut)", "tls-cert=: \(cut): it holds no certificate in PEM form"),
        (
          cert,
          "tls-cert=: \(one.certificate): it holds no private key in PEM form; tls-key= names another file"
        ),
        ("\(cert) tls-key=/nonexistent", "tls-key=: /nonexistent: no such file or directory"),
        ("\(cert) tls-key=\(text)", "tls-key=: \(text): it holds no private key in PEM form"),
        ("\(cert) tls-key=\(empty)", "tls-key=: \(empty): it holds no private key in PEM form"),
        (
          "\(cert) tls-key=\(two.key)",
          "tls-cert=: \(one.certificate): the key in \(two.key) does not belong to it"
        ),
        (
          "\(cert) tls-key=\(folder.file("old.key"))",
          "tls-key=: \(folder.file("old.key")): the key is encrypted, and nobody can be asked for its passphrase"
        ),
        (
          "\(cert) tls-key=\(folder.file("new.key"))",
          "tls-key=: \(folder.file("new.key")): the key is encrypted, and nobody can be asked for its passphrase"
        ),
      ]
      for (keys, message) in table {
        let spec = "https://h/ \(keys)"
        let error = #expect(throws: SpecError.self) {
          _ = try factory().makeProbe(for: try CheckSpec.parse(kind: .http, text: spec))
        }
        let line = error?.message ?? "none"
        #expect(line.hasPrefix("--http '"), "\(line)")
        #expect(line.hasSuffix("': \(message)"), "\(line)")
      }
      _ = try factory().makeProbe(
        for: try CheckSpec.parse(kind: .http, text: "https://h/ \(cert) tls-key=\(one.key)"))
    }

    @Test(
      "the keys need each other and https",
      arguments: [
        ("/ tls-cert=/x", "tls-cert= needs a target that begins with https://"),
        (":80/ tls-key=/x", "tls-key= needs a target that begins with https://"),
        ("https://h/ tls-key=/x", "tls-key= needs tls-cert="),
        ("https://h/ tls-cert=", "names no file"),
        ("https://h/ tls-cert=/x tls-key=", "names no file"),
      ])
    func contradictions(text: String, part: String) {
      let error = #expect(throws: SpecError.self) { try CheckSpec.parse(kind: .http, text: text) }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
    }
  }
}
