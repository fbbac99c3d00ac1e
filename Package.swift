// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "vouch",
  targets: [
    .target(name: "Supervision"),

    .testTarget(name: "SupervisionTests", dependencies: ["Supervision"]),
  ],
  swiftLanguageModes: [.v6]
)
