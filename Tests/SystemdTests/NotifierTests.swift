import Glibc
import Testing

@testable import Systemd

@Suite struct NotifierTests {
  /// A socket such as systemd's, to read from.
  private final class Receiver {
    let descriptor: Int32
    let directory: String
    let path: String

    init(abstract: Bool = false, name: String = "notify") {
      var template = Array("/tmp/vouch-notify-XXXXXX".utf8CString)
      directory = String(cString: mkdtemp(&template))
      path = abstract ? "@\(directory)/\(name)" : "\(directory)/\(name)"
      descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      var bytes = Array(path.utf8)
      if abstract { bytes[0] = 0 }
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
      let length = socklen_t(2 + bytes.count + (abstract ? 0 : 1))
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
      }
      precondition(result == 0)
    }

    deinit {
      close(descriptor)
      unlink(path)
      rmdir(directory)
    }

    func read() -> String? {
      var buffer = [UInt8](repeating: 0, count: 8192)
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
  }

  @Test("a datagram reaches a socket on a path, and one in the abstract namespace")
  func delivers() throws {
    for abstract in [false, true] {
      let receiver = Receiver(abstract: abstract)
      let notifier = try Notifier(socket: receiver.path)
      #expect(notifier.send("READY=1\nSTATUS=grüße") == nil)
      #expect(receiver.read() == "READY=1\nSTATUS=grüße")
    }
  }

  @Test("descriptors go along, and are copies")
  func descriptors() throws {
    let receiver = Receiver()
    let notifier = try Notifier(socket: receiver.path)
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    #expect(notifier.send("FDSTORE=1", descriptors: [ends[1], ends[1], ends[1]]) == nil)
    close(ends[1])
    // The end is still open, in the datagram.
    var poll = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
    #expect(Glibc.poll(&poll, 1, 0) == 0)
    // Read without room for them, they are closed.
    #expect(receiver.read() == "FDSTORE=1")
    #expect(Glibc.poll(&poll, 1, 1000) == 1)
    close(ends[0])
    #expect(notifier.send("READY=1", descriptors: []) == nil)
    #expect(receiver.read() == "READY=1")
    #expect(notifier.send("READY=1", descriptors: [-1]) == EBADF)
  }

  @Test("a full queue is told at once, and the datagram can be sent later")
  func full() throws {
    let receiver = Receiver()
    let notifier = try Notifier(socket: receiver.path)
    var refused: Int32?
    for _ in 0..<10_000 {
      refused = notifier.send("STATUS=full")
      if refused != nil { break }
    }
    #expect(refused == EAGAIN)
    while receiver.read() != nil {}
    #expect(notifier.send("READY=1") == nil)
    #expect(receiver.read() == "READY=1")
  }

  @Test("a socket that is gone is an error, and one that comes back is used again")
  func gone() throws {
    let receiver = Receiver()
    let notifier = try Notifier(socket: receiver.path)
    #expect(rename(receiver.path, receiver.path + ".away") == 0)
    #expect(notifier.send("READY=1") == ENOENT)
    #expect(rename(receiver.path + ".away", receiver.path) == 0)
    #expect(notifier.send("READY=1") == nil)
  }

  @Test("what is no Unix socket's address is refused")
  func addresses() {
    for path in ["", "/", "@", "notify", "vsock:2:1234", "/" + String(repeating: "x", count: 108)] {
      #expect(throws: Notifier.Problem.address(path)) { try Notifier(socket: path) }
    }
  }
}
