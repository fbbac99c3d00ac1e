/// One `--listen`.
public struct ListenSpec: Hashable, Sendable {}
