// swift-tools-version:6.2
import PackageDescription

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "vouch",
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1")
  ],
  targets: [
    // The C that runs between fork and exec, and the kernel interfaces Glibc's module map lacks.
    .target(name: "CLaunch"),

    .target(name: "Supervision"),
    .target(name: "Launch", dependencies: ["CLaunch", system]),

    .testTarget(name: "SupervisionTests", dependencies: ["Supervision"]),
    // A helper of LaunchTests, for what concerns a process as a whole: its signals, its end.
    .executableTarget(
      name: "LaunchProbe", dependencies: ["Launch", system], path: "Tests/LaunchProbe"),
    .testTarget(name: "LaunchTests", dependencies: ["Launch", "CLaunch", "LaunchProbe", system]),
  ],
  swiftLanguageModes: [.v6]
)
