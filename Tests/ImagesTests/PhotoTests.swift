import Images
import Testing

@Suite("Photos")
struct PhotoTests {
    private static let photos = PhotoFixtures.shared?.photos ?? []

    @Test("A photo is turned and read as diffusers' load_image does it", arguments: photos)
    func pixels(_ photo: PhotoFixtures.Photo) throws {
        let expected = try PhotoFixtures.picture(photo.pixels)
        let picture = try SourcePicture(PhotoFixtures.bytes(photo.file))
        #expect(picture.width == expected.width && picture.height == expected.height)
        #expect(try picture.scaled(toWidth: picture.width, height: picture.height) == expected)
    }

    @Test("A photo is turned before it is scaled", arguments: photos.filter { $0.scaled != nil })
    func scaling(_ photo: PhotoFixtures.Photo) throws {
        let expected = try PhotoFixtures.picture(#require(photo.scaled))
        let picture = try SourcePicture(PhotoFixtures.bytes(photo.file))
        #expect(try picture.scaled(toWidth: expected.width, height: expected.height) == expected)
    }

    @Test("The fixtures are there")
    func fixtures() {
        #expect(Self.photos.count == 76 && Self.photos.count(where: { $0.scaled != nil }) == 24)
        for ending in ["png", "webp", "jpg"] {
            #expect(Self.photos.count(where: { $0.file.hasPrefix("turned") && $0.file.hasSuffix(ending) }) == 8)
        }
    }

    @Test(
        "A JPEG cut short at any place is an error",
        arguments: ["baseline-420-17x9.jpg", "progressive-444-17x9.jpg", "cmyk.jpg", "gray.jpg"])
    func truncated(_ name: String) throws {
        let bytes = try PhotoFixtures.bytes(name)
        for length in 0..<bytes.count {
            let error = #expect(throws: ImageError.self) { try read(Array(bytes[..<length])) }
            #expect(length < 3 ? error == .unknownFormat : error == .truncated, "\(length) of \(bytes.count)")
        }
    }

    @Test("Damaged bytes of a photo are read or refused, and never more", arguments: photos)
    func damaged(_ photo: PhotoFixtures.Photo) throws {
        let good = try PhotoFixtures.bytes(photo.file)
        for position in good.indices {
            var bytes = good
            bytes[position] ^= [1, 0x80, 0xFF][position % 3]
            // What is asserted is that nothing crashes and no sanitizer speaks.
            _ = try? read(bytes)
        }
    }

    @Test("Damage inside a JPEG's pixels is an error and no picture of gray")
    func corrupt() throws {
        var bytes = try PhotoFixtures.bytes("baseline-444-33x41.jpg")
        // A marker where pixels should be: libjpeg would fill in the rest.
        bytes.replaceSubrange((bytes.count / 2)..<(bytes.count / 2 + 2), with: [0xFF, 0xD5])
        let error = #expect(throws: ImageError.self) { try read(bytes) }
        guard case .corrupt? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("Sides beyond 8192 are refused at the header, in every format")
    func sides() throws {
        var jpeg = try PhotoFixtures.bytes("gray.jpg")
        let frame = try #require(jpeg.indices.dropLast(8).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        func resize(_ width: Int, _ height: Int) {
            jpeg.replaceSubrange(
                (frame + 5)..<(frame + 9),
                with: [height >> 8, height & 255, width >> 8, width & 255].map { UInt8($0) })
        }
        resize(8193, 1)
        #expect(throws: ImageError.sideTooLong(width: 8193, height: 1, maximumSide: 8192)) { try SourcePicture(jpeg) }
        resize(1, 65_500)
        #expect(throws: ImageError.sideTooLong(width: 1, height: 65_500, maximumSide: 8192)) { try SourcePicture(jpeg) }
        resize(8192, 8192)
        #expect(try SourcePicture(jpeg).width == 8192)
        let webp = try WebP.encode(
            RGBImage(width: 8193, height: 1, pixels: [UInt8](repeating: 7, count: 3 * 8193)), compression: .lossless)
        #expect(throws: ImageError.sideTooLong(width: 8193, height: 1, maximumSide: 8192)) { try SourcePicture(webp) }
    }

    @Test("A progressive JPEG's coefficients are counted, a baseline one's rows do not grow with its height")
    func memory() throws {
        func peak(_ name: String, _ marker: UInt8) throws -> Int {
            var bytes = try PhotoFixtures.bytes(name)
            let frame = try #require(bytes.indices.dropLast(8).first { bytes[$0] == 0xFF && bytes[$0 + 1] == marker })
            bytes.replaceSubrange((frame + 5)..<(frame + 9), with: [0x20, 0, 0x20, 0])
            return try SourcePicture(bytes).peakBytes(width: 64, height: 64)
        }
        #expect(try peak("baseline-444-33x41.jpg", 0xC0) < 64 << 20)
        let progressive = try peak("progressive-444-33x41.jpg", 0xC2)
        #expect(progressive > 3 * 2 * 8192 * 8192 && progressive < 4 * 2 * 8192 * 8192)
    }

    @Test("A JPEG of more than a hundred scans is refused")
    func scans() throws {
        let bytes = try PhotoFixtures.bytes("gray-progressive.jpg")
        let scans = bytes.indices.dropLast().filter { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }
        // The first scan again and again: each is a whole picture's work.
        let second = try #require(scans.dropFirst().first)
        let tables = try #require(
            bytes[scans[0]..<second].indices.dropFirst().first {
                bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC4
            })
        let scan = bytes[scans[0]..<min(tables, second)]
        let many = Array(bytes[..<scans[0]]) + (0..<200).flatMap { _ in scan } + [0xFF, 0xD9]
        let error = #expect(throws: ImageError.self) { try read(many) }
        guard case .corrupt(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("scans") || reason.contains("scan"), "\(reason)")
    }

    @Test(
        "Reading and scaling stop where they are asked to, at any row",
        arguments: [
            "turned-6.png", "turned-3.jpg", "turned-8.webp", "progressive-444-33x41.jpg", "profile-text.png",
        ])
    func stopping(_ name: String) throws {
        let picture = try SourcePicture(PhotoFixtures.bytes(name))
        var asked = 0
        _ = try picture.scaled(toWidth: 40, height: 40) {
            asked += 1
            return true
        }
        #expect(asked >= 40)
        for limit in 0..<asked {
            var count = 0
            #expect(throws: ImageError.stopped) {
                try picture.scaled(toWidth: 40, height: 40) {
                    count += 1
                    return count <= limit
                }
            }
            // Whoever stops in the middle of a row is asked once more before the next.
            #expect(count == limit + 1 || count == limit + 2)
        }
    }

    private func read(_ bytes: [UInt8]) throws {
        let picture = try SourcePicture(bytes)
        if picture.width * picture.height < 1 << 20 { _ = try picture.scaled(toWidth: 16, height: 16) }
    }
}
