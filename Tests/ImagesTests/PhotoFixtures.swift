import Foundation
import Images
import Testing

/// `Tests/Fixtures/golden/photos`: pictures as cameras leave them, and what diffusers' `load_image` makes of them.
struct PhotoFixtures: Decodable {
    struct Photo: Decodable, CustomTestStringConvertible {
        let file: String
        let pixels: String
        let scaled: String?
        var testDescription: String { file }
    }

    let photos: [Photo]

    /// The index, or nothing: then the tests have no arguments, and the one that counts them fails.
    static let shared: PhotoFixtures? = {
        guard let bytes = try? PictureFixtures.bytes("photos/index.json") else { return nil }
        return try? JSONDecoder().decode(PhotoFixtures.self, from: Data(bytes))
    }()

    static func bytes(_ name: String) throws -> [UInt8] { try PictureFixtures.bytes("photos/\(name)") }

    static func picture(_ name: String) throws -> RGBImage { try PictureFixtures.ppm("photos/\(name)") }
}
