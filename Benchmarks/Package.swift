// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "latentd", path: "..")],
    targets: [
        .target(name: "CPeak", path: "CPeak", cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror"])]),
        .executableTarget(
            name: "kernels", dependencies: ["CPeak", .product(name: "Compute", package: "latentd")], path: "kernels",
            resources: [.copy("shapes.txt")], swiftSettings: strict),
    ]
)
