// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "stepwell",
  products: [
    .executable(name: "Hypervisor", targets: ["HypervisorProgram"]),
    .executable(name: "stepwell", targets: ["stepwell"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
  ],
  targets: [
    // Pure: values in, values out. Built for the host and for EL2, tested on the host.
    .target(name: "ArmDebug"),
    .target(name: "NestedDebug", dependencies: ["ArmDebug"]),
    .target(name: "RemoteProtocol"),
    .target(name: "DeviceTree"),

    // The program at EL2. It also links on the host, where every hardware accessor traps, so that
    // `swift test` type-checks it, its tests can import it, and the command reads device trees with it.
    .target(name: "EL2Support"),
    .target(
      name: "Hypervisor",
      dependencies: ["ArmDebug", "NestedDebug", "RemoteProtocol", "DeviceTree", "EL2Support"]),
    .executableTarget(name: "HypervisorProgram", dependencies: ["Hypervisor"]),

    // The architecture once more, as a program that can be run: what the engine is compared with.
    .target(name: "DebugModel", dependencies: ["ArmDebug", "NestedDebug", "SeededRandom"]),

    // For the model and for tests.
    .target(name: "SeededRandom"),

    // Runs it against the engine, and nothing else: quickly built for each of many broken engines.
    .executableTarget(name: "Trials", dependencies: ["DebugModel"]),

    // The system's zlib.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

    // The command on the developer's machine.
    .executableTarget(
      name: "stepwell",
      dependencies: [
        "ArmDebug", "CZlib", "DeviceTree", "DebugModel", "Hypervisor",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),

    .testTarget(name: "ArmDebugTests", dependencies: ["ArmDebug"]),
    .testTarget(
      name: "NestedDebugTests",
      dependencies: ["NestedDebug", "ArmDebug", "DebugModel", "SeededRandom"]),
    .testTarget(name: "RemoteProtocolTests", dependencies: ["RemoteProtocol", "SeededRandom"]),
    .testTarget(name: "DeviceTreeTests", dependencies: ["DeviceTree", "SeededRandom"]),
    .testTarget(
      name: "HypervisorTests",
      dependencies: [
        "Hypervisor", "ArmDebug", "NestedDebug", "RemoteProtocol", "DeviceTree", "SeededRandom",
      ]),
    .testTarget(name: "stepwellTests", dependencies: ["stepwell", "DebugModel"]),
    .testTarget(
      name: "MachineTests",
      dependencies: [
        "stepwell", "DebugModel", "SeededRandom",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
  ]
)

for target in package.targets where !["EL2Support", "CZlib"].contains(target.name) {
  target.swiftSettings = [
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .treatAllWarnings(as: .error),
  ]
  // What Embedded Swift cannot compile must not pass on the host either.
  if [
    "ArmDebug", "NestedDebug", "RemoteProtocol", "DeviceTree", "Hypervisor", "HypervisorProgram",
  ].contains(target.name) {
    target.swiftSettings?.append(.treatWarning("EmbeddedRestrictions", as: .error))
  }
}
