// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

/// A Swift target of the house, always with the same settings.
func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "latentd",
    products: [
        .executable(name: "latentd", targets: ["latentd"]),
        .executable(name: "latentctl", targets: ["latentctl"]),
        // For Benchmarks/, which is a package of its own.
        .library(name: "Compute", targets: ["Compute", "CKernels"]),
        .library(name: "Diffusion", targets: ["Models", "Diffusion"]),
        .library(name: "Rendering", targets: ["Rendering", "Planner", "Jobs"]),
        .library(name: "MemoryGroup", targets: ["MemoryGroup"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        target("JSONText"),
        target("Terms"),
        target("Output"),
        // Inference: from instructions up to a pipeline.
        .target(
            name: "CKernels", exclude: ["README.md"],
            // SwiftPM compiles C without optimization in debug builds; kernels are always measured and tested as shipped.
            cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"])]),
        .target(name: "COpenBLAS", exclude: ["README.md"], linkerSettings: [.linkedLibrary("dl")]),
        target("Compute", ["CKernels", "COpenBLAS"]),
        .target(
            name: "CMapping", exclude: ["README.md"], cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        target("Models", ["Compute", "CMapping", "JSONText", "Output"]),
        target("Diffusion", ["Models", "Compute", "JSONText", "Terms"]),
        // Pictures.
        .systemLibrary(name: "CWebP", pkgConfig: "libwebpmux", providers: [.apt(["libwebp-dev"])]),
        .target(
            name: "CPNG", exclude: ["README.md"],
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("png16"), .linkedLibrary("z")]),
        .target(
            name: "CJPEG", exclude: ["README.md"],
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])], linkerSettings: [.linkedLibrary("jpeg")]),
        target("Images", ["CWebP", "CPNG", "CJPEG", "Terms"]),
        // The queue: pure values, then the two authorities on what exists.
        target("Jobs", ["JSONText", "Terms"]),
        target("Planner", ["Jobs", "Terms"]),
        target("JobStore", ["Jobs", "JSONText", .product(name: "GRDB", package: "GRDB.swift")]),
        target("Spool", ["Jobs", "JSONText", system]),
        // The host.
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        target("Systemd", ["CSystemd", logging]),
        target(
            "Settings",
            ["Jobs", .product(name: "Configuration", package: "swift-configuration"), "Yams", system]),
        target("Varlink", ["Jobs", "JSONText", "Planner"]),
        // Assembly.
        target("Rendering", ["Diffusion", "Models", "Compute", "Images", "Planner", "Jobs", "Terms"]),
        target(
            "Daemon",
            [
                "Rendering", "Compute", "Planner", "JobStore", "Spool", "Jobs", "JSONText", "Output", "Systemd",
                "Settings",
                "Varlink", system, logging, lifecycle, signals,
            ]),
        target(
            "Client",
            ["Varlink", "Jobs", "JSONText", "Planner", "Images", "Spool", "Settings", "Output", system]),
        .executableTarget(
            name: "latentd", dependencies: ["Daemon", "Jobs", "Settings", "Output", arguments, system],
            exclude: ["README.md"], swiftSettings: strict),
        .executableTarget(
            name: "latentctl",
            dependencies: ["Client", "Settings", "Jobs", "JSONText", "Output", "Terms", arguments, system],
            exclude: ["README.md"], swiftSettings: strict),
        // Measurements.
        .executableTarget(
            name: "benchmark-queue", dependencies: ["JobStore", "Spool", "Jobs", system], path: "Benchmarks/queue",
            swiftSettings: strict),
        // Tests.
        .target(
            name: "KernelChecks", dependencies: ["CKernels"], path: "Tests/KernelChecks",
            exclude: ["main.c", "machine", "aarch64.sh", "avx512.sh"],
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        .target(name: "MemoryGroup", path: "Tests/MemoryGroup", swiftSettings: strict),
        tests("ComputeTests", ["Compute", "CKernels", "KernelChecks"]),
        tests("OutputTests", ["Output"]),
        tests("ModelsTests", ["Models", "JSONText"]),
        tests("DiffusionTests", ["Diffusion", "Models", "Compute", "Terms"]),
        tests("ImagesTests", ["Images"]),
        tests("JobsTests", ["Jobs", "JSONText", "Terms"]),
        tests("PlannerTests", ["Planner", "Jobs"]),
        tests("JobStoreTests", ["JobStore", "Jobs", .product(name: "GRDB", package: "GRDB.swift")]),
        tests("SpoolTests", ["Spool", "JobStore", "Jobs", "JSONText", system]),
        tests("SystemdTests", ["Systemd", logging]),
        tests("SettingsTests", ["Settings", system]),
        tests("VarlinkTests", ["Varlink", "Jobs", "JSONText", "Planner"]),
        tests(
            "RenderingTests",
            ["Rendering", "Diffusion", "Models", "Compute", "Images", "Jobs", "JSONText", "Planner", "Terms"]),
        tests(
            "ClientTests", ["Client", "Varlink", "Jobs", "JSONText", "Planner", "Images", "Settings", "Output", system]),
        tests(
            "DaemonUnitTests",
            ["Daemon", "Rendering", "Planner", "JobStore", "Spool", "Jobs", "Settings", "Varlink", system, logging]),
        tests(
            "DaemonTests",
            ["JobStore", "Jobs", "JSONText", "Varlink", "Settings", "Images", "Planner", "MemoryGroup", system]),
    ]
)

// The sanitizers look at some tests alone (Tests/sanitizers.sh): what these do not need is not compiled for them.
if let tests = Context.environment["LATENTD_TESTS"] {
    var names = Set(tests.split(separator: " ").map(String.init)), known = 0
    while names.count > known {
        known = names.count
        for target in package.targets where names.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies { names.insert(name) }
        }
    }
    package.targets.removeAll { !names.contains($0.name) }
    package.products = []
}
