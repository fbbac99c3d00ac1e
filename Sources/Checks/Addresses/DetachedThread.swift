import Glibc

/// A short-lived thread for one call that blocks.
public enum DetachedThread {
  /// Enough for getaddrinfo(3) and its NSS modules, a fraction of the usual 8 MiB.
  private static let stackSize = 256 * 1024

  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` in a thread of its own, in which every signal is blocked: they are for the thread
  /// of the loop.
  ///
  /// - Returns: 0, or the errno of pthread_create(3), and then `body` never runs.
  public static func run(_ body: @escaping @Sendable () -> Void) -> CInt {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, stackSize)

    // A thread inherits its creator's mask: full for the moment of its creation.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    let work = Unmanaged.passRetained(Work(body))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    if status != 0 { work.release() }
    return status
  }
}
