// swift-tools-version: 6.0
// Adit for Apple's platforms. `Generated` is written by `cargo xtask swift`, and never committed; README.md tells how.

import PackageDescription

// On a Mac the core comes as one archive for every Apple platform; elsewhere as the library that cargo built.
#if os(macOS)
let core = Target.binaryTarget(name: "AditFFI", path: "Generated/AditFFI.xcframework")
#else
let core = Target.systemLibrary(name: "AditFFI", path: "Generated/AditFFI")
#endif

let package = Package(
    name: "Adit",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [
        .library(name: "Adit", targets: ["Adit"]),
        .library(name: "AditTunnel", targets: ["AditTunnel"]),
    ],
    targets: [
        core,
        .target(
            name: "Adit",
            dependencies: ["AditFFI"],
            path: "Generated/Adit",
            linkerSettings: [.linkedLibrary("adit_ffi", .when(platforms: [.linux]))]
        ),
        .target(name: "AditTunnel", dependencies: ["Adit"]),
        // The program of the guide, bindings/README.md.
        .target(name: "Guide", dependencies: ["Adit", "AditTunnel"], path: "Generated/Guide"),
        .testTarget(name: "AditTunnelTests", dependencies: ["Adit", "AditTunnel", "Guide"]),
    ],
    swiftLanguageModes: [.v6]
)
