import Foundation
import Images
import Testing

/// `Tests/Fixtures/golden.json`'s pictures: files of every kind, and what Pillow reads from them or makes of them.
struct PictureFixtures: Decodable {
    struct Kind: Decodable, CustomTestStringConvertible {
        let file: String
        let pixels: String
        var testDescription: String { file }
    }

    struct Scaling: Decodable, CustomTestStringConvertible {
        let file: String
        let scaled: String
        var testDescription: String { scaled }
    }

    private struct Index: Decodable {
        let pictures: PictureFixtures
    }

    let kinds: [Kind]
    let scalings: [Scaling]

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    /// The index, or nothing: then the tests have no arguments, and the one that counts them fails.
    static let shared: PictureFixtures? = {
        guard let data = try? Data(contentsOf: folder.appendingPathComponent("golden.json")) else { return nil }
        return try? JSONDecoder().decode(Index.self, from: data).pictures
    }()

    /// The bytes of a file below the fixtures' `golden` folder.
    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent("golden/\(name)")))
    }

    /// A binary PPM's pixels.
    static func ppm(_ name: String) throws -> RGBImage {
        let bytes = try bytes(name)
        let ends = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }.prefix(3)
        let header = String(decoding: bytes[..<ends[2]], as: UTF8.self).split { $0.isWhitespace }
        try #require(header.count == 4 && header[0] == "P6" && header[3] == "255")
        let width = try #require(Int(header[1])), height = try #require(Int(header[2]))
        return RGBImage(width: width, height: height, pixels: Array(bytes[(ends[2] + 1)...]))
    }
}
