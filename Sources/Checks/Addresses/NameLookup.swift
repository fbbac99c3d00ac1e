import Glibc
import NIOCore

/// Resolves one name without holding up the loop, in a thread that lives only as long as the call
/// of getaddrinfo(3). There is never more than one: while it hangs, whoever asks waits for it too.
/// Everything but `Resolve` runs on the loop.
final class NameLookup: @unchecked Sendable {
  enum Answer: Sendable {
    /// In the order that getaddrinfo(3) gave (RFC 6724); never empty.
    case found([SocketAddress])
    /// No such name, or the resolver failed; in words.
    case failed(String)
    /// vouch itself lacks what it takes: a thread, memory, descriptors.
    case ownTrouble(String)
  }

  /// Blocks until the answer is there.
  typealias Resolve = @Sendable (_ host: String, _ port: Int) -> Answer

  private let host: String
  private let port: Int
  private let resolve: Resolve
  private var inFlight = false
  private var waiter: ((Answer) -> Void)? = nil

  init(host: String, port: Int, resolve: @escaping Resolve) {
    self.host = host
    self.port = port
    self.resolve = resolve
  }

  /// Asks, or joins the question in flight. The answer comes on `loop`, after this returns.
  func ask(on loop: any EventLoop, _ waiter: @escaping (Answer) -> Void) {
    self.waiter = waiter
    if inFlight { return }
    inFlight = true
    let (host, port, resolve) = (host, port, resolve)
    let status = DetachedThread.run {
      let answer = resolve(host, port)
      loop.execute { self.answered(answer) }
    }
    if status != 0 {
      loop.execute {
        self.answered(.ownTrouble("no thread to resolve \(host): \(words(for: status))"))
      }
    }
  }

  /// The one who asked no longer waits; the question goes on.
  func leave() {
    waiter = nil
  }

  private func answered(_ answer: Answer) {
    inFlight = false
    let waiter = self.waiter
    self.waiter = nil
    waiter?(answer)
  }

  /// getaddrinfo(3) for a TCP connection.
  static let system: Resolve = { host, port in
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    hints.ai_protocol = CInt(IPPROTO_TCP)
    hints.ai_flags = AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>? = nil
    let status = getaddrinfo(host, String(port), &hints, &list)
    if status != 0 { return failure(host, status, errno) }
    defer { freeaddrinfo(list) }

    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next {
      switch entry.pointee.ai_family {
      case AF_INET:
        entry.pointee.ai_addr.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          addresses.append(SocketAddress($0.pointee))
        }
      case AF_INET6:
        entry.pointee.ai_addr.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
          addresses.append(SocketAddress($0.pointee))
        }
      default: break
      }
      next = entry.pointee.ai_next
    }
    return addresses.isEmpty ? .failed("\(host) has no address") : .found(addresses)
  }

  private static func failure(_ host: String, _ status: CInt, _ code: CInt) -> Answer {
    if status == EAI_MEMORY { return .ownTrouble("no memory to resolve \(host)") }
    if status == EAI_SYSTEM {
      let reason = "cannot resolve \(host): \(words(for: code))"
      return isOwnTrouble(code) ? .ownTrouble(reason) : .failed(reason)
    }
    let text = String(cString: gai_strerror(status))
    return .failed("cannot resolve \(host): \(beginningLower(text))")
  }
}
