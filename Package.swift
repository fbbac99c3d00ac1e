// swift-tools-version:6.2
import PackageDescription

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let arguments: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")

// The tests of these walk through a million sequences of events, which takes a fifth of the time when
// it is optimised. Overflows and exclusive access are checked all the same.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

let package = Package(
  name: "vouch",
  products: [.executable(name: "vouch", targets: ["vouch"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // libsystemd, found through pkg-config.
    .systemLibrary(
      name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    // The C that runs between fork and exec, and the kernel interfaces Glibc's module map lacks.
    .target(name: "CLaunch"),
    // What the kernel tells of other processes' sockets (sock_diag(7), /proc).
    .target(name: "CSocketDiag"),

    // What a seccomp filter's supervisor needs (seccomp_unotify(2)).
    .target(name: "CAdopt"),

    .target(name: "Supervision", swiftSettings: optimised),
    // The ways in which programs take sockets (--pass).
    .target(name: "Handover"),
    // Socket addresses as the kernel takes and gives them.
    .target(name: "SocketNames"),
    // Listening sockets of vouch's own (--listen).
    .target(name: "Sockets", dependencies: ["CSocketDiag", "SocketNames", system]),
    // Passed sockets for programs that bind for themselves (--pass adopt).
    .target(
      name: "Adopt", dependencies: ["CAdopt", "CLaunch", "CSocketDiag", "SocketNames", system]),
    .target(name: "Systemd", dependencies: ["CSystemd", log]),
    .target(name: "Launch", dependencies: ["CLaunch", system]),
    .target(
      name: "Checks",
      dependencies: [
        "CLaunch", "CSocketDiag", "SocketNames", nio, nioPosix, nioHTTP1, nioHTTP2, nioHPACK,
        nioSSL,
      ]),
    .target(
      name: "VouchKit",
      dependencies: [
        "Supervision", "Systemd", "Launch", "Checks", "Handover", "SocketNames", "Sockets", "Adopt",
        nio, nioPosix, log,
      ]),
    .executableTarget(
      name: "vouch",
      dependencies: ["VouchKit", "Launch", "Supervision", "Systemd", arguments],
      exclude: ["exports.map"],
      linkerSettings: [
        // Smaller by a sixth: no exported symbols, equal functions folded, packed relocations
        // (glibc 2.36, which is Debian 12's).
        // No table for finding unwind information at run time: 0.4 MB. Only a C++ exception would
        // look there, and nothing here throws; debuggers read .eh_frame itself, which stays.
        // libgcc inside, whose exceptions those would be.
        .unsafeFlags(
          [
            "-use-ld=lld", "-Xlinker", "--icf=all", "-Xlinker", "-z", "-Xlinker",
            "pack-relative-relocs", "-Xlinker",
            "--version-script=\(Context.packageDirectory)/Sources/vouch/exports.map",
            "-Xlinker", "--no-eh-frame-hdr", "-Xclang-linker", "-static-libgcc",
          ], .when(configuration: .release))
      ]),

    .testTarget(
      name: "SupervisionTests", dependencies: ["Supervision"], swiftSettings: optimised),
    .testTarget(name: "SystemdTests", dependencies: ["Systemd"]),
    .testTarget(name: "HandoverTests", dependencies: ["Handover"]),
    .testTarget(name: "SocketNamesTests", dependencies: ["SocketNames"]),
    .testTarget(name: "SocketsTests", dependencies: ["SocketNames", "Sockets", system]),
    .testTarget(name: "AdoptTests", dependencies: ["Adopt", "CAdopt", "Checks", "Launch", system]),
    // A helper of LaunchTests, for what concerns a process as a whole: its signals, its end.
    .executableTarget(
      name: "LaunchProbe", dependencies: ["Launch", system], path: "Tests/LaunchProbe"),
    .testTarget(name: "LaunchTests", dependencies: ["Launch", "CLaunch", "LaunchProbe", system]),
    .testTarget(
      name: "ChecksTests",
      dependencies: ["Checks", nio, nioPosix, nioHTTP1, nioHTTP2, nioHPACK, nioSSL]),
    .testTarget(
      name: "VouchKitTests",
      dependencies: ["VouchKit", "Checks", "Handover", "Launch", "Supervision", "Systemd", nio]),
    .testTarget(name: "IntegrationTests", dependencies: ["vouch"]),
  ],
  swiftLanguageModes: [.v6]
)
