/// A regular expression taken apart.
indirect enum PatternNode {
  enum Place: Sendable {
    case lineStart, lineEnd, wordStart, wordEnd, wordEdge, notWordEdge
  }

  case bytes(ByteSet)
  case place(Place)
  case sequence([PatternNode])
  case choice([PatternNode])
  /// From so often to so often; nil without end.
  case repeated(PatternNode, Int, Int?)
}
