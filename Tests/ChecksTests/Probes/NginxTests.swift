import Glibc
import NIOCore
import Testing

@testable import Checks

extension ProbeTests {
  /// Every expectation of --http against a server of the world.
  @Suite("nginx, judged by every key")
  struct NginxTests {
    @Test("status, method, header, body and json are as nginx answers")
    func plain() async throws {
      let folder = try TestFolder()
      defer { try? folder.remove() }
      let nginx = try Nginx(folder, ports: 1) { ports in
        """
        server {
          listen 127.0.0.1:\(ports[0]) default_server;
          server_name other.test;
          location / { return 421; }
        }
        server {
          listen 127.0.0.1:\(ports[0]);
          server_name app.test;
          if ($request_method !~ ^(GET|HEAD|POST)$) { return 405; }
          location = /healthz { return 200 "status: ok\\nsecret: hunter2\\n"; }
          location = /json {
            default_type application/json;
            return 200 '{"status":{"db":"up","ms":1.50},"checks":[{"ok":true},{"ok":false}]}';
          }
          location = /moved { return 302 /healthz; }
          location = /down { return 503 "secret: hunter2\\n"; }
          location = /agent { return 200 "agent=$http_user_agent accept=$http_accept x=$http_x_a\\n"; }
          location = /post { if ($request_method != POST) { return 405; } return 204; }
        }
        """
      }
      defer { nginx.stop() }
      try await nginx.isUp()
      let place = "http://127.0.0.1:\(nginx.ports[0])"
      let host = "header=Host:app.test"
      let table: [(String, ProbeResult)] = [
        // The address is 127.0.0.1; the name is what Host says.
        ("/healthz", .failed("421, expected 200-399")),
        ("/healthz \(host)", .passed("200")),
        ("/moved \(host)", .passed("302")),
        ("/moved \(host) status=200", .failed("302, expected 200")),
        ("/down \(host)", .failed("503, expected 200-399")),
        ("/down \(host) status=any", .passed("503")),
        ("/nowhere \(host) status=404", .passed("404")),
        ("/post \(host)", .failed("405, expected 200-399")),
        ("/post \(host) method=POST", .passed("204")),
        ("/healthz \(host) method=HEAD", .passed("200")),
        ("/healthz \(host) method=OPTIONS", .failed("405, expected 200-399")),
        ("/healthz \(host) 'body=^status: ok$'", .passed("200")),
        ("/healthz \(host) body=down", .failed("200, the body does not match")),
        ("/agent \(host) 'body=^agent=vouch/1.2.3 accept=[*]/[*] x=$'", .passed("200")),
        (
          "/agent \(host) header=User-Agent: header=Accept: 'header=X-A: b c' "
            + "'body=^agent= accept= x=b c$'", .passed("200")
        ),
        ("/json \(host) json=status.db=up json=status.ms=1.5", .passed("200")),
        (
          "/json \(host) json=checks[0].ok=true json=checks[1].ok=true",
          .failed("200, json checks[1].ok: expected true, got false")
        ),
        (
          "/json \(host) json=status.db=down",
          .failed(#"200, json status.db: expected "down", got another string"#)
        ),
        ("/json \(host) json=db=up", .failed(#"200, json db: expected "up", not there"#)),
        ("/healthz \(host) json=a=1", .failed("200, the body is not JSON")),
      ]
      for (text, result) in table { #expect(try await http(place + text) == result, "\(text)") }
    }

    @Test("a server with a private authority that asks for a client's certificate")
    func tls() async throws {
      let folder = try TestFolder()
      defer { try? folder.remove() }
      let authority = try PrivateAuthority(folder, "authority")
      let stranger = try PrivateAuthority(folder, "stranger")
      let server = try authority.issue("server", names: "DNS:service.test")
      let expired = try authority.issue("expired", days: -1)
      let client = try authority.issue("client", names: "DNS:vouch.test")
      let unknown = try stranger.issue("unknown", names: "DNS:vouch.test")
      let stale = try authority.issue("stale", names: "DNS:vouch.test", days: -1)
      // Certificate and key in one file, as some tools write them.
      let both = try folder.write(
        "both.pem", try folder.read("client.pem") + folder.read("client.key"))

      let nginx = try Nginx(folder, ports: 3) { ports in
        """
        ssl_certificate \(server.certificate); ssl_certificate_key \(server.key);
        server { listen 127.0.0.1:\(ports[0]) ssl; location / { return 200 "ok\\n"; } }
        server {
          listen 127.0.0.1:\(ports[1]) ssl;
          ssl_certificate \(expired.certificate); ssl_certificate_key \(expired.key);
          location / { return 200; }
        }
        server {
          listen 127.0.0.1:\(ports[2]) ssl;
          ssl_client_certificate \(authority.certificate); ssl_verify_client on;
          location / { return 200 "$ssl_client_s_dn\\n"; }
        }
        """
      }
      defer { nginx.stop() }
      try await nginx.isUp()

      let ca = "tls-ca=\(authority.certificate)"
      let named = "\(ca) tls-name=service.test"
      func identity(_ pair: Certificates.Pair) -> String {
        "tls-cert=\(pair.certificate) tls-key=\(pair.key)"
      }
      let refused = ProbeResult.failed("400, expected 200-399")
      let table: [(Int, String, ProbeResult)] = [
        (0, ca, .failed("TLS: the certificate is for another name")),
        (0, "\(ca) tls-name=service.test", .passed("200")),
        (0, "\(ca) tls-name=else.test", .failed("TLS: the certificate is for another name")),
        (0, "", .failed("TLS: certificate verify failed")),
        (
          0, "tls-name=service.test tls-ca=\(stranger.certificate)",
          .failed("TLS: certificate verify failed")
        ),
        (0, "tls-verify=no", .passed("200")),
        (1, ca, .failed("TLS: certificate verify failed")),
        (1, "tls-verify=no", .passed("200")),
        // nginx takes the connection and answers "No required SSL certificate was sent".
        (2, named, refused),
        (2, "\(named) \(identity(client)) body=CN=client", .passed("200")),
        (2, "\(named) tls-cert=\(both) body=CN=client", .passed("200")),
        (2, "tls-verify=no \(identity(client))", .passed("200")),
        (2, "\(named) \(identity(unknown))", refused),
        (2, "\(named) \(identity(stale))", refused),
      ]
      for (server, keys, result) in table {
        let target = "https://127.0.0.1:\(nginx.ports[server])/"
        #expect(try await http("\(target) \(keys)") == result, "\(keys)")
      }
    }

    @Test("renewed files are read again, and a broken renewal is vouch's own trouble")
    func renewal() async throws {
      let folder = try TestFolder()
      defer { try? folder.remove() }
      let authority = try PrivateAuthority(folder, "authority")
      let server = try authority.issue("server")
      try authority.issue("first", names: "DNS:vouch.test")
      try authority.issue("second", names: "DNS:vouch.test")
      try authority.issue("stale", names: "DNS:vouch.test", days: -1)
      let nginx = try Nginx(folder, ports: 1) { ports in
        """
        ssl_certificate \(server.certificate); ssl_certificate_key \(server.key);
        server {
          listen 127.0.0.1:\(ports[0]) ssl;
          ssl_client_certificate \(authority.certificate); ssl_verify_client on;
          location / { return 200 "$ssl_client_s_dn\\n"; }
          location /down { return 503; }
        }
        """
      }
      defer { nginx.stop() }
      try await nginx.isUp()

      let (live, key) = (folder.file("live.pem"), folder.file("live.key"))
      /// As certbot does it: a link to the newest file is replaced.
      func link(_ name: String, _ suffix: String = "pem") {
        symlink(folder.file("\(name).\(suffix)"), folder.file("next"))
        rename(folder.file("next"), folder.file("live.\(suffix)"))
      }
      link("stale")
      link("stale", "key")
      let place =
        "https://127.0.0.1:\(nginx.ports[0])/%s tls-ca=\(authority.certificate) "
        + "tls-cert=\(live) tls-key=\(key)"
      let target = place.replacing("%s", with: "")
      let prober = try await Prober(.http, "\(target) body=CN=first")
      let second = try await Prober(.http, "\(target) body=CN=second")
      let down = try await Prober(.http, place.replacing("%s", with: "down"))
      #expect(await prober.run() == .failed("400, expected 200-399"))

      link("first", "key")
      let mismatch = "tls-cert=: \(live): the key in \(key) does not belong to it"
      #expect(
        await prober.run()
          == .inconclusive("\(mismatch); with the former: 400, expected 200-399"))
      link("first")
      #expect(await prober.run() == .passed("200"))
      #expect(await second.run() == .failed("200, the body does not match"))
      #expect(await down.run() == .failed("503, expected 200-399"))

      try folder.write("broken.pem", "no certificate\n")
      link("broken")
      let broken = "tls-cert=: \(live): it holds no certificate in PEM form"
      #expect(
        await prober.run() == .passed("200 with the former certificates: \(broken),"),
        "the former certificate serves until the new one can be read")
      #expect(await prober.run() == .passed("200 with the former certificates: \(broken),"))
      #expect(
        await down.run() == .failed("503, expected 200-399"),
        "what no certificate explains is the child's failure all the same")
      unlink(live)
      let missing = "tls-cert=: \(live): no such file or directory"
      #expect(await prober.run() == .passed("200 with the former certificates: \(missing),"))

      link("second", "key")
      link("second")
      #expect(await prober.run() == .failed("200, the body does not match"))
      #expect(await second.run() == .passed("200"))
    }
  }
}
