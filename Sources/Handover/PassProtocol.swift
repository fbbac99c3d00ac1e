/// How a program takes the sockets that it is given (`--pass`).
public enum PassProtocol: Hashable, Sendable {
  case systemd
}
