import CLaunch

/// The memory of this process.
public enum Heap {
  /// Lets every thread use the main heap, so that short-lived threads leave none of their own behind
  /// (M_ARENA_MAX, mallopt(3)). To be called before any thread exists.
  public static func useOne() { claunch_use_one_heap() }
}
