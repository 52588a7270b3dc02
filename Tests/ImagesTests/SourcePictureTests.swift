import Images
import Testing

@Suite("Pictures from outside")
struct SourcePictureTests {
    @Test("Every kind of PNG and WebP is read as Pillow reads it", arguments: PictureFixtures.shared?.kinds ?? [])
    func kinds(_ kind: PictureFixtures.Kind) throws {
        let expected = try PictureFixtures.ppm(kind.pixels)
        let picture = try SourcePicture(PictureFixtures.bytes(kind.file))
        #expect(picture.width == expected.width && picture.height == expected.height)
        let pixels = try picture.scaled(toWidth: picture.width, height: picture.height).pixels
        #expect(pixels == expected.pixels)
    }

    @Test("A picture is scaled as Pillow scales it, to the byte", arguments: PictureFixtures.shared?.scalings ?? [])
    func scaling(_ scaling: PictureFixtures.Scaling) throws {
        let expected = try PictureFixtures.ppm(scaling.scaled)
        let picture = try SourcePicture(PictureFixtures.bytes(scaling.file))
        #expect(try picture.scaled(toWidth: expected.width, height: expected.height) == expected)
    }

    @Test("The fixtures are there")
    func fixtures() throws {
        let fixtures = try #require(PictureFixtures.shared)
        #expect(fixtures.kinds.count == 30 && fixtures.scalings.count == 8)
    }

    @Test("A picture cut short at any place is an error", arguments: ["rgb-8.png", "palette-4-interlaced.png"])
    func truncated(_ name: String) throws {
        let bytes = try PictureFixtures.bytes("pictures/\(name)")
        for length in 0..<bytes.count {
            let error = #expect(throws: ImageError.self) { try read(Array(bytes[..<length])) }
            #expect(length < 8 ? error == .unknownFormat : error == .truncated)
        }
    }

    @Test("Damaged bytes are read or refused, and never more", arguments: PictureFixtures.shared?.kinds ?? [])
    func damaged(_ kind: PictureFixtures.Kind) throws {
        let good = try PictureFixtures.bytes(kind.file)
        for position in good.indices {
            var bytes = good
            bytes[position] ^= [1, 0x80, 0xFF][position % 3]
            // What is asserted is that nothing crashes and no sanitizer speaks.
            _ = try? read(bytes)
        }
    }

    @Test("A flipped bit among the pixels is found by the checksum")
    func checksum() throws {
        var bytes = try PictureFixtures.bytes("pictures/rgb-8.png")
        bytes[bytes.count / 2] ^= 1
        let error = #expect(throws: ImageError.self) { try read(bytes) }
        guard case .corrupt? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("A header of 30,000 x 30,000 pixels is refused before any is read")
    func huge() {
        let error = ImageError.sideTooLong(width: 30_000, height: 30_000, maximumSide: SourcePicture.maximumSide)
        #expect(throws: error) { try SourcePicture(hugePNG(width: 30_000, height: 30_000)) }
        #expect(throws: ImageError.self) { try SourcePicture(hugePNG(width: 1 << 31 - 1, height: 1 << 31 - 1)) }
    }

    @Test("An animation is refused", arguments: ["animated.webp", "animated.png"])
    func animated(_ name: String) throws {
        let bytes = try PictureFixtures.bytes("pictures/\(name)")
        #expect(throws: ImageError.animated) { try SourcePicture(bytes) }
    }

    @Test(
        "Bytes of another kind are refused", arguments: ["", "RIFF", "{\"prompt\": \"a cat\"}", "\u{FF}\u{D8}\u{FF}"])
    func otherKinds(text: String) {
        #expect(throws: ImageError.unknownFormat) { try SourcePicture(Array(text.utf8)) }
    }

    @Test("Memory for a picture of rows does not grow with its height")
    func memory() throws {
        let tall = try SourcePicture(hugePNG(width: 1000, height: 8_000))
        let low = try SourcePicture(hugePNG(width: 1000, height: 600))
        #expect(tall.peakBytes(width: 64, height: 800) < 4 << 20)
        #expect(low.peakBytes(width: 64, height: 60) < 1 << 20)
    }

    private func read(_ bytes: [UInt8]) throws {
        let picture = try SourcePicture(bytes)
        if picture.width * picture.height < 1 << 20 { _ = try picture.scaled(toWidth: 16, height: 16) }
    }

    /// A PNG of which only the header is there, its checksum right.
    private func hugePNG(width: UInt32, height: UInt32) -> [UInt8] {
        func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
        func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
            let body = Array(name.utf8) + data
            let checksum = body.reduce(~UInt32(0)) { checksum, byte in
                (0..<8).reduce(checksum ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1) &* 0xEDB8_8320 }
            }
            return bigEndian(UInt32(data.count)) + body + bigEndian(~checksum)
        }
        let header = bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", [])
    }
}
