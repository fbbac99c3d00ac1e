/// Programs that vouch was tried with, by the way in which they take sockets: what a diagnosis may
/// advise. Of any other nothing is known.
public enum KnownProgram: Hashable, Sendable, CaseIterable {
  case nginx
  case phpFPM
  case haproxy
  case uvicorn
  case unicorn
  case starlet
  /// It reads LISTEN_FDS (sd_listen_fds(3)).
  case gunicorn
  case lighttpd
  /// It binds for itself, and knows nothing else.
  case redis
  case memcached
  case pythonHTTPServer
  /// It binds for itself, where it does not use System.inheritedChannel().
  case java

  /// Recognises a program.
  ///
  /// - Parameter words: its command line. Programs may have written a title over it, all in one word:
  ///   "nginx: master process /usr/sbin/nginx".
  public init?(words: [String]) {
    var words = words.flatMap { $0.split(separator: " ").map(String.init) }[...]
    guard var name = words.popFirst().map(Self.plainName) else { return nil }
    if Self.interpreters.contains(name) {
      // What it runs: behind -m, or the first word that is no option.
      guard let script = words.firstIndex(where: { !$0.hasPrefix("-") }) else { return nil }
      name = Self.plainName(words[script])
      words = words[(script + 1)...]
      if name == "http.server" {
        self = .pythonHTTPServer
        return
      }
    }
    switch name {
    case "nginx": self = .nginx
    case "php-fpm": self = .phpFPM
    case "haproxy": self = .haproxy
    case "uvicorn": self = .uvicorn
    case "unicorn", "unicorn_rails": self = .unicorn
    case "plackup", "starlet": self = .starlet
    case "gunicorn": self = .gunicorn
    case "lighttpd": self = .lighttpd
    case "redis-server": self = .redis
    case "memcached": self = .memcached
    case "java": self = .java
    default: return nil
    }
    // plackup runs many servers, and this one alone is known.
    if self == .starlet, name == "plackup", !words.contains("Starlet") { return nil }
  }

  private static let interpreters: Set<String> = ["python", "ruby", "perl"]

  /// The file's name, without a version behind it ("php-fpm8.2", "python3.11") or a title's colon.
  private static func plainName(_ word: String) -> String {
    var name = word.split(separator: "/").last.map(Substring.init) ?? ""
    while let last = name.last, last.isNumber || last == "." || last == ":" { name.removeLast() }
    return String(name)
  }

  /// What makes it take passed sockets.
  var pass: PassProtocol? {
    switch self {
    case .nginx: .descriptors([.nginx])
    case .phpFPM: .descriptors([.phpFPM])
    case .haproxy, .unicorn: nil
    case .uvicorn: .descriptors([.arguments])
    case .starlet: .descriptors([.serverStarter])
    case .gunicorn, .lighttpd: .systemd
    case .redis, .memcached, .pythonHTTPServer, .java: .adopt
    }
  }

  /// The same in words; nil for one that binds for itself.
  var advice: String? {
    switch self {
    case .nginx: "nginx takes it with --pass nginx, where a listen directive has that very address"
    case .phpFPM: "php-fpm takes it with --pass php-fpm, where a pool's listen is that very address"
    case .haproxy: "haproxy takes it with --pass 'env:FD={fd}' and \"bind fd@${FD}\""
    case .uvicorn: "uvicorn takes it with --pass argv and the arguments --fd {fd}"
    case .unicorn: "unicorn takes it with --pass 'env:UNICORN_FD={fd}'"
    case .starlet: "Starlet takes it with --pass server-starter"
    case .gunicorn: "gunicorn takes it with --pass systemd"
    case .lighttpd: "lighttpd takes it with --pass systemd"
    case .redis, .memcached, .pythonHTTPServer, .java: nil
    }
  }

  /// The signal at which it finishes the requests in hand before it ends, where it cuts them off at SIGTERM.
  /// (nginx's control.html; php-fpm(8); haproxy(1); lighttpd(8); unicorn(1). nginx, haproxy and lighttpd were
  /// tried.)
  public var gracefulStop: String? {
    switch self {
    case .nginx, .phpFPM, .unicorn: "SIGQUIT"
    case .haproxy: "SIGUSR1"
    case .lighttpd: "SIGINT"
    case .uvicorn, .starlet, .gunicorn, .redis, .memcached, .pythonHTTPServer, .java: nil
    }
  }

  /// Whether it takes of the passed sockets those whose addresses its configuration names.
  var matchesAddresses: Bool { self == .nginx || self == .phpFPM }

  /// Whether sockets are handed to it as it wants them already.
  func isServed(by pass: PassProtocol) -> Bool {
    if self.pass == pass { return true }
    guard case .descriptors(let ways) = pass else { return false }
    if case .descriptors(let wanted) = self.pass { return wanted.allSatisfy(ways.contains) }
    return ways.contains { way in
      guard case .variable(let template) = way else { return false }
      return self == .haproxy || (self == .unicorn && template.name == "UNICORN_FD")
    }
  }
}
