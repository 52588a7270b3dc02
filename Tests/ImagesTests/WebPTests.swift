import Images
import Testing

@Suite("WebP")
struct WebPTests {
    @Test("A lossless picture comes back as it was", arguments: [(1, 1), (3, 2), (64, 64), (129, 65)])
    func lossless(width: Int, height: Int) throws {
        let picture = samplePicture(width: width, height: height)
        #expect(try WebP.decode(try WebP.encode(picture, compression: .lossless)) == picture)
    }

    @Test("A lossy picture comes back near what it was, and nearer with more quality")
    func lossy() throws {
        let picture = samplePicture(width: 64, height: 48)
        let errors = try [10, 90].map { quality in
            let decoded = try WebP.decode(try WebP.encode(picture, compression: .lossy(quality: quality)))
            #expect(decoded.width == 64 && decoded.height == 48)
            return zip(picture.pixels, decoded.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        }
        #expect(errors[1] < errors[0])
        #expect(errors[1] / picture.pixels.count < 12)
    }

    @Test("Encoding ends when it is asked to, and asks all along", arguments: [WebP.Compression.standard, .lossless])
    func stopping(_ compression: WebP.Compression) throws {
        let picture = samplePicture(width: 512, height: 512)
        var looks = 0
        _ = try WebP.encode(picture, compression: compression) {
            looks += 1
            return false
        }
        #expect(looks > 3)
        for last in [1, looks / 2] {
            var found = 0
            #expect(throws: ImageError.stopped) {
                try WebP.encode(picture, compression: compression) {
                    found += 1
                    return found >= last
                }
            }
            #expect(found == last)
        }
    }

    @Test("The same pixels give the same bytes")
    func deterministic() throws {
        let picture = samplePicture(width: 96, height: 96)
        for compression in [WebP.Compression.standard, .lossless] {
            #expect(
                try WebP.encode(picture, compression: compression) == WebP.encode(picture, compression: compression))
        }
    }

    @Test("Two pictures that differ in their measured times have the same bitstream")
    func bitstreams() throws {
        let picture = samplePicture(width: 40, height: 40)
        var slow = sampleMetadata(prompt: "a cat")
        slow.timings[1].seconds = 99
        let one = try WebP.encode(picture, metadata: sampleMetadata(prompt: "a cat"))
        let other = try WebP.encode(picture, metadata: slow)
        #expect(one != other)
        #expect(try WebP.bitstream(of: one) == WebP.bitstream(of: other))
        #expect(try WebP.bitstream(of: one) == WebP.encode(picture))
    }

    @Test("A picture with metadata is decoded like one without")
    func metadataAndPixels() throws {
        let picture = samplePicture(width: 33, height: 17)
        let bytes = try WebP.encode(picture, compression: .lossless, metadata: sampleMetadata(prompt: "a cat"))
        #expect(try WebP.decode(bytes) == picture)
        #expect(try WebP.size(of: bytes) == (33, 17))
    }

    @Test("A picture cut short at any place is an error")
    func truncated() throws {
        let bytes = try WebP.encode(samplePicture(width: 32, height: 32), metadata: sampleMetadata(prompt: "a cat"))
        for length in 0..<bytes.count {
            let error = #expect(throws: ImageError.self) { try WebP.decode(Array(bytes[..<length])) }
            #expect(length < 12 ? error == .notWebP : error == .truncated)
        }
    }

    @Test("Damaged bytes are decoded or refused, and never more")
    func damaged() throws {
        let good = try WebP.encode(samplePicture(width: 24, height: 24), metadata: sampleMetadata(prompt: "a cat"))
        for position in good.indices {
            for flip in [UInt8(1), 0x80, 0xFF] {
                var bytes = good
                bytes[position] ^= flip
                // What is asserted is that nothing crashes and no sanitizer speaks.
                _ = try? WebP.decode(bytes, maximumPixels: 1 << 20)
                _ = try? PictureMetadata(webp: bytes)
            }
        }
    }

    @Test("A header that promises a huge picture is refused before it is believed")
    func huge() throws {
        // VP8L: 14 bits of width - 1 and of height - 1 behind the signature.
        var bytes = try WebP.encode(samplePicture(width: 8, height: 8), compression: .lossless)
        let signature = try #require(bytes.indices.dropFirst(12).first { bytes[$0] == 0x2F })
        for offset in 1...3 { bytes[signature + offset] = 0xFF }
        bytes[signature + 4] |= 0x0F
        #expect(throws: ImageError.tooLarge(width: 16384, height: 16384, maximumPixels: WebP.maximumPixels)) {
            try WebP.decode(bytes)
        }
    }

    @Test("A picture larger than the caller allows is refused")
    func limit() throws {
        let bytes = try WebP.encode(samplePicture(width: 20, height: 10))
        #expect(throws: ImageError.tooLarge(width: 20, height: 10, maximumPixels: 199)) {
            try WebP.decode(bytes, maximumPixels: 199)
        }
        #expect(try WebP.decode(bytes, maximumPixels: 200).width == 20)
    }

    @Test("An animation is refused")
    func animated() {
        // VP8X with the animation flag, a 16 x 16 canvas, and an ANIM chunk.
        var bytes = Array("RIFF".utf8) + [32, 0, 0, 0] + Array("WEBPVP8X".utf8) + [10, 0, 0, 0]
        bytes += [2, 0, 0, 0, 15, 0, 0, 15, 0, 0] + Array("ANIM".utf8) + [2, 0, 0, 0, 0, 0]
        #expect(throws: ImageError.animated) { try WebP.decode(bytes) }
    }

    @Test(
        "Bytes of another kind are refused", arguments: ["", "RIFF", "not a picture at all", "\u{89}PNG\r\n\u{1A}\n"])
    func notWebP(text: String) {
        #expect(throws: ImageError.notWebP) { try WebP.decode(Array(text.utf8)) }
    }

    @Test("A side that the format cannot hold is refused")
    func unencodable() {
        let picture = RGBImage(width: 16384, height: 1, pixels: [UInt8](repeating: 0, count: 16384 * 3))
        #expect(throws: ImageError.unencodableSize(width: 16384, height: 1)) { try WebP.encode(picture) }
    }
}
