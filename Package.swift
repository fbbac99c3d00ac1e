// swift-tools-version:6.2
import PackageDescription

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "vouch",
  dependencies: [
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // libsystemd, found through pkg-config.
    .systemLibrary(
      name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    // The C that runs between fork and exec, and the kernel interfaces Glibc's module map lacks.
    .target(name: "CLaunch"),

    .target(name: "Supervision"),
    .target(name: "Systemd", dependencies: ["CSystemd", log]),
    .target(name: "Launch", dependencies: ["CLaunch", system]),

    .testTarget(name: "SupervisionTests", dependencies: ["Supervision"]),
    .testTarget(name: "SystemdTests", dependencies: ["Systemd"]),
    // A helper of LaunchTests, for what concerns a process as a whole: its signals, its end.
    .executableTarget(
      name: "LaunchProbe", dependencies: ["Launch", system], path: "Tests/LaunchProbe"),
    .testTarget(name: "LaunchTests", dependencies: ["Launch", "CLaunch", "LaunchProbe", system]),
  ],
  swiftLanguageModes: [.v6]
)
