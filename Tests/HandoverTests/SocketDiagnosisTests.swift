import Testing

@testable import Handover

@Suite("why a program does not serve on its passed sockets") struct SocketDiagnosisTests {
  typealias Passed = SocketFacts.Passed
  typealias Own = SocketFacts.Own
  typealias Program = SocketFacts.Program

  static let any8080 = HandedSocket.Address.ip4(host: "0.0.0.0", port: 8080)
  static let six8080 = HandedSocket.Address.ip6(host: "::", port: 8080)
  static let local8080 = HandedSocket.Address.ip4(host: "127.0.0.1", port: 8080)
  static let local3000 = HandedSocket.Address.ip4(host: "127.0.0.1", port: 3000)
  static let any3000 = HandedSocket.Address.ip4(host: "0.0.0.0", port: 3000)
  static let six3000 = HandedSocket.Address.ip6(host: "::", port: 3000)
  static let path = HandedSocket.Address.path(Array("/run/app.sock".utf8))
  static let otherPath = HandedSocket.Address.path(Array("/run/other.sock".utf8))

  static let app = Program(name: "app")
  static func known(_ name: String) -> Program {
    Program(name: name, known: KnownProgram(words: [name]))
  }

  /// A row: what is seen, and what is said of it.
  struct Row: Sendable, CustomTestStringConvertible {
    var what: String
    var passed = [Passed(six8080)]
    var own: [HandedSocket.Address] = []
    var program = app
    var pass = ["systemd"]
    var refusals: [String] = []
    var namesDescriptors = true
    var isHidden = false
    var isAwaited = true
    /// Nil: nothing.
    var says: String?
    var isCertain = true
    var testDescription: String { what }

    func facts() throws -> SocketFacts {
      var facts = SocketFacts(
        passed: passed, own: own.map { Own($0, program) }, program: program, isHidden: isHidden,
        pass: try PassProtocol.parse(pass), isAwaited: isAwaited)
      facts.refusals = refusals
      facts.namesDescriptors = namesDescriptors
      return facts
    }
  }

  static let starting: [Row] = [
    // Nothing to say.
    Row(what: "nobody asks for it", passed: [Passed(six8080, isWaiting: false)], own: [local3000]),
    Row(what: "it has taken it, and is slow", passed: [Passed(six8080, isTaken: true)]),
    Row(
      what: "it has taken it, and opened an admin port besides",
      passed: [Passed(six8080, isTaken: true)], own: [local3000]),
    Row(what: "its processes are out of sight", own: [local3000], isHidden: true),
    Row(what: "no sockets at all", passed: [], own: [local3000]),

    // It may be slow.
    Row(
      what: "it has it open",
      says: "app has the passed socket [::]:8080 open and accepts nothing from it yet",
      isCertain: false),
    Row(
      what: "redis has it open, and does nothing else so far", program: known("redis-server"),
      says: "redis-server has the passed socket [::]:8080 open and accepts nothing from it yet",
      isCertain: false),
    Row(
      what: "adopt: it has not bound yet", passed: [Passed(six8080, isHeld: false)],
      pass: ["adopt"],
      says: "app has not bound the passed [::]:8080 yet", isCertain: false),
    Row(
      what: "adopt: it has it, and is slow", pass: ["adopt"],
      says: "app has the passed socket [::]:8080 and accepts nothing yet", isCertain: false),

    // It listens elsewhere.
    Row(
      what: "another address of the same port", passed: [Passed(local8080)],
      own: [.ip4(host: "127.0.0.2", port: 8080)],
      says: "app listens on 127.0.0.2:8080, not on the passed 127.0.0.1:8080: --pass adopt, with "
        + "ListenStream=127.0.0.2:8080 or the program told to bind 127.0.0.1:8080, gives it the socket"
    ),
    Row(
      what: "another port", own: [local3000],
      says:
        "app listens on 127.0.0.1:3000, not on the passed [::]:8080: if that is where it serves, "
        + "--pass adopt, with ListenStream=127.0.0.1:3000 or the program told to bind [::]:8080, gives it "
        + "the socket"),
    Row(
      what: "another port, of a program that is known to bind", own: [local3000],
      program: known("redis-server"),
      says:
        "redis-server listens on 127.0.0.1:3000, not on the passed [::]:8080: --pass adopt, with "
        + "ListenStream=127.0.0.1:3000 or the program told to bind [::]:8080, gives it the socket"),
    Row(
      what: "a socket of --listen", passed: [Passed(six8080, isOfListen: true)], own: [local3000],
      program: known("memcached"),
      says: "memcached listens on 127.0.0.1:3000, not on the passed [::]:8080: --pass adopt, with "
        + "--listen 127.0.0.1:3000 or the program told to bind [::]:8080, gives it the socket"),
    Row(
      what: "of both families IPv4 is named for passing", own: [six3000, any3000],
      program: known("redis-server"),
      says:
        "redis-server listens on 0.0.0.0:3000, [::]:3000, not on the passed [::]:8080: --pass adopt, "
        + "with ListenStream=0.0.0.0:3000 or the program told to bind [::]:8080, gives it the socket"
    ),
    Row(
      what: "the same port goes before others, and Unix paths come last",
      passed: [Passed(local8080)],
      own: [otherPath, local3000, six3000, .ip6(host: "::1", port: 8080)],
      says:
        "app listens on [::1]:8080, 127.0.0.1:3000, [::]:3000, …, not on the passed 127.0.0.1:8080: "
        + "--pass adopt, with ListenStream=[::1]:8080 or the program told to bind 127.0.0.1:8080, gives "
        + "it the socket"),
    Row(
      what: "another path", passed: [Passed(path)], own: [local3000, otherPath],
      program: known("redis-server"),
      says:
        "redis-server listens on /run/other.sock, 127.0.0.1:3000, not on the passed /run/app.sock: "
        + "--pass adopt, with ListenStream=/run/other.sock or the program told to bind /run/app.sock, "
        + "gives it the socket"),
    Row(
      what: "the same path, bound anew", passed: [Passed(path)], own: [path],
      says: "app has opened a socket of its own at /run/app.sock, and leaves the passed one: "
        + "--pass adopt gives it that one"),
    Row(
      what: "adopt: elsewhere", passed: [Passed(six8080, isHeld: false)], own: [local3000],
      pass: ["adopt"],
      says: "app listens on 127.0.0.1:3000, not on the passed [::]:8080: pass it that address "
        + "(ListenStream=127.0.0.1:3000), or have the program told to bind [::]:8080"),
    Row(
      what: "adopt: refused", passed: [Passed(six8080, isHeld: false)], own: [local3000],
      pass: ["adopt"], refusals: ["first", "process 7 (app) cannot bind 127.0.0.1:8080: why"],
      says: "process 7 (app) cannot bind 127.0.0.1:8080: why"),
    Row(
      what: "adopt: refused at first, and given it then", pass: ["adopt"],
      refusals: ["process 7 (app) cannot bind 127.0.0.1:8080: why"],
      says: "app has the passed socket [::]:8080 and accepts nothing yet", isCertain: false),
    Row(
      what: "adopt: nginx is not sent elsewhere", own: [local3000], program: known("nginx"),
      pass: ["adopt"],
      says: "nginx listens on 127.0.0.1:3000, not on the passed [::]:8080: pass it that address "
        + "(ListenStream=127.0.0.1:3000), or have the program told to bind [::]:8080"),

    // Programs with a way of their own.
    Row(
      what: "nginx without --pass nginx", passed: [Passed(six8080, isHeld: false)], own: [any3000],
      program: known("nginx"),
      says:
        "nginx listens on 0.0.0.0:3000, not on the passed [::]:8080: nginx takes it with --pass "
        + "nginx, where a listen directive has that very address"),
    Row(
      what: "nginx with it", passed: [Passed(six8080, isHeld: false)], own: [any3000],
      program: known("nginx"), pass: ["nginx"],
      says:
        "nginx listens on 0.0.0.0:3000, not on the passed [::]:8080: its configuration must name "
        + "that very address to listen on"),
    Row(
      what: "nginx has one of two",
      passed: [Passed(any8080, isTaken: true), Passed(local3000, isHeld: false)],
      program: known("nginx"), pass: ["nginx"],
      says:
        "nginx has closed the passed socket 127.0.0.1:3000: it has taken 0.0.0.0:8080: tell it to "
        + "listen on 127.0.0.1:3000, too"),
    Row(
      what: "php-fpm", own: [otherPath], program: known("php-fpm8.2"),
      says:
        "php-fpm8.2 listens on /run/other.sock, not on the passed [::]:8080: php-fpm takes it with "
        + "--pass php-fpm, where a pool's listen is that very address"),
    Row(
      what: "haproxy", own: [local3000], program: known("haproxy"),
      says: "haproxy listens on 127.0.0.1:3000, not on the passed [::]:8080: haproxy takes it with "
        + "--pass 'env:FD={fd}' and \"bind fd@${FD}\""),
    Row(
      what: "uvicorn", own: [local3000], program: known("uvicorn"),
      says: "uvicorn listens on 127.0.0.1:3000, not on the passed [::]:8080: uvicorn takes it with "
        + "--pass argv and the arguments --fd {fd}"),
    Row(
      what: "uvicorn with argv, but the port alone", own: [local3000], program: known("uvicorn"),
      pass: ["argv"], namesDescriptors: false,
      says: "uvicorn listens on 127.0.0.1:3000, not on the passed [::]:8080: uvicorn takes it with "
        + "--pass argv and the arguments --fd {fd}"),
    Row(
      what: "unicorn", own: [any3000], program: known("unicorn"),
      says: "unicorn listens on 0.0.0.0:3000, not on the passed [::]:8080: unicorn takes it with "
        + "--pass 'env:UNICORN_FD={fd}'"),
    Row(
      what: "Starlet", own: [any3000],
      program: Program(
        name: "plackup", known: KnownProgram(words: ["perl", "/usr/bin/plackup", "-s", "Starlet"])),
      says:
        "plackup listens on 0.0.0.0:3000, not on the passed [::]:8080: Starlet takes it with --pass "
        + "server-starter"),
    Row(
      what: "gunicorn, told in another way", own: [local3000], program: known("gunicorn"),
      pass: ["env:X={fd}"],
      says:
        "gunicorn listens on 127.0.0.1:3000, not on the passed [::]:8080: gunicorn takes it with "
        + "--pass systemd"),

    // It has closed it.
    Row(
      what: "closed", passed: [Passed(six8080, isHeld: false)],
      says:
        "app has closed the passed socket [::]:8080: if it binds an address by itself, --pass adopt, "
        + "with the program told to bind [::]:8080, gives it the socket"),
    Row(
      what: "closed by nginx", passed: [Passed(six8080, isHeld: false)], program: known("nginx"),
      says:
        "nginx has closed the passed socket [::]:8080: nginx takes it with --pass nginx, where a "
        + "listen directive has that very address"),

    // Other ways.
    Row(
      what: "none, and a check waits", passed: [Passed(six8080, isHeld: false)], pass: ["none"],
      says:
        "--pass none keeps the passed socket [::]:8080 from the program, and nobody accepts from it"
    ),
    Row(
      what: "none, and it only wakes the program", passed: [Passed(six8080, isHeld: false)],
      own: [local3000], pass: ["none"], isAwaited: false),
    Row(
      what: "inetd: it has it open", pass: ["inetd"],
      says: "app has the passed socket [::]:8080 open and accepts nothing from it yet",
      isCertain: false),
    Row(
      what: "inetd: Java that does not ask for its channel", own: [six3000], program: known("java"),
      pass: ["inetd"],
      says: "java listens on [::]:3000, not on the passed [::]:8080: --pass adopt, with "
        + "ListenStream=[::]:3000 or the program told to bind [::]:8080, gives it the socket"),
  ]

  @Test("while it starts", arguments: starting)
  func whileStarting(_ row: Row) throws {
    let found = SocketDiagnosis.whileStarting(try row.facts())
    #expect(found?.text == row.says)
    #expect(found == nil || found?.isCertain == row.isCertain)
    #expect(found == nil || found?.isLogged == (row.says == row.refusals.last))
  }

  static let inUse =
    "if it says that the address is in use, it wants to bind that address by itself: "

  static let ended: [Row] = [
    Row(
      what: "any program",
      says:
        "app never took the passed socket [::]:8080; \(inUse)--pass adopt gives it the passed socket"
    ),
    Row(
      what: "haproxy", program: known("haproxy"),
      says: "haproxy never took the passed socket [::]:8080; \(inUse)haproxy takes it with --pass "
        + "'env:FD={fd}' and \"bind fd@${FD}\""),
    Row(
      what: "none, though vouch has the address", passed: [Passed(six8080, isHeld: false)],
      pass: ["none"],
      says:
        "app never took the passed socket [::]:8080; \(inUse)--pass adopt gives it the passed socket"
    ),
    Row(
      what: "argv with the port alone", pass: ["argv"], namesDescriptors: false,
      says:
        "app never took the passed socket [::]:8080; \(inUse)--pass adopt gives it the passed socket"
    ),
    Row(
      what: "uvicorn with the port alone", program: known("uvicorn"), pass: ["argv"],
      namesDescriptors: false,
      says:
        "uvicorn never took the passed socket [::]:8080; \(inUse)uvicorn takes it with --pass argv "
        + "and the arguments --fd {fd}"),
    Row(
      what: "nginx that listens on another address of the port", program: known("nginx"),
      pass: ["nginx"],
      says:
        "nginx never took the passed socket [::]:8080; if it says that the address is in use, its "
        + "configuration must name that very address to listen on"),
    Row(
      what: "adopt refused", passed: [Passed(six8080, isHeld: false)], pass: ["adopt"],
      refusals: ["process 7 (app) cannot bind 127.0.0.1:8080: why"],
      says: "process 7 (app) cannot bind 127.0.0.1:8080: why"),
    Row(what: "adopt", passed: [Passed(six8080, isHeld: false)], pass: ["adopt"]),
    Row(what: "gunicorn, which reads LISTEN_FDS", program: known("gunicorn")),
    Row(what: "it takes the descriptor that it is told", pass: ["argv"]),
    Row(what: "inetd", pass: ["inetd"]),
    Row(what: "somebody took what was waiting", passed: [Passed(six8080, isWaiting: false)]),
    Row(what: "it had taken another", passed: [Passed(any8080, isTaken: true), Passed(six8080)]),
  ]

  @Test("when it has exited with a failure before it was ready", arguments: ended)
  func atEnd(_ row: Row) throws {
    #expect(SocketDiagnosis.atEnd(.exited(1), try row.facts())?.text == row.says)
  }

  @Test("an end that has nothing to do with bind(2) is not explained by it")
  func otherEnds() throws {
    let facts = try Row(what: "").facts()
    for end: SocketDiagnosis.End in [
      .exited(0), .exited(126), .exited(127), .exited(143), .signaled(9), .signaled(15),
      .signaled(11),
    ] {
      #expect(SocketDiagnosis.atEnd(end, facts) == nil, "\(end)")
    }
    for end: SocketDiagnosis.End in [.exited(1), .exited(2), .exited(255), .signaled(6)] {
      #expect(SocketDiagnosis.atEnd(end, facts) != nil, "\(end)")
    }
  }

  @Test(
    "programs are recognised by their command lines, titles and interpreters included",
    arguments: [
      (["/usr/sbin/nginx", "-g", "daemon off;"], KnownProgram.nginx),
      (["nginx: master process /usr/sbin/nginx"], .nginx),
      (["/usr/sbin/php-fpm8.2", "-F"], .phpFPM),
      (["php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)"], .phpFPM),
      (["/usr/sbin/haproxy", "-W"], .haproxy),
      (["/usr/bin/python3", "/usr/bin/uvicorn", "app:app"], .uvicorn),
      (["python3.11", "-m", "uvicorn", "app:app"], .uvicorn),
      (["/usr/bin/ruby", "/usr/bin/unicorn", "-p", "80"], .unicorn),
      (["unicorn master -D"], .unicorn),
      (["gunicorn: master [app:app]"], .gunicorn),
      (["/usr/bin/python3", "-u", "-m", "http.server", "80"], .pythonHTTPServer),
      (["redis-server 127.0.0.1:6379"], .redis),
      (["/usr/bin/memcached", "-l", "::1"], .memcached),
      (["/usr/bin/java", "-jar", "app.jar"], .java),
      (["plackup", "--server", "Starlet"], .starlet),
    ])
  func recognised(words: [String], program: KnownProgram) {
    #expect(KnownProgram(words: words) == program)
  }

  @Test(
    "others are not",
    arguments: [
      [], [""], ["/"], ["python3"], ["python3", "app.py"], ["sh", "-c", "nginx"], ["plackup"],
      ["my-nginx"], ["nginx-exporter"], ["javac"], ["123"], ["python3", "-c"],
    ])
  func unknown(_ words: [String]) {
    #expect(KnownProgram(words: words) == nil)
  }
}
