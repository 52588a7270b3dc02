// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
let rendering = Target.Dependency.product(name: "Rendering", package: "latentd")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "latentd", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .target(name: "CPeak", path: "CPeak", cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror"])]),
        .target(
            name: "CEntries", dependencies: [.product(name: "Compute", package: "latentd")], path: "CEntries",
            cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror"])]),
        .executableTarget(
            name: "kernels", dependencies: ["CPeak", "CEntries", .product(name: "Compute", package: "latentd")],
            path: "kernels",
            resources: [.copy("shapes.txt")], swiftSettings: strict),
        .target(
            name: "Stages", dependencies: [.product(name: "Diffusion", package: "latentd")], path: "stages",
            swiftSettings: strict),
        .executableTarget(name: "model", dependencies: ["Stages", arguments], path: "model", swiftSettings: strict),
        .executableTarget(
            name: "precision", dependencies: ["Stages", rendering, arguments], path: "precision", swiftSettings: strict),
        .executableTarget(
            name: "memory",
            dependencies: ["Stages", rendering, arguments, .product(name: "MemoryGroup", package: "latentd")],
            path: "memory", swiftSettings: strict),
        .executableTarget(name: "daemon", dependencies: [arguments], path: "daemon", swiftSettings: strict),
    ]
)
