import CPNG

/// The PNG format, read only, through libpng.
///
/// Every kind becomes 8 bits a sample, red, green, blue, as Pillow's `convert("RGB")` has it (but for gray of 16 bits, which
/// that clips): of 16 bits the high byte stays, transparency is dropped, gamma and colour profiles are not applied.
enum PNG {
    /// What the header says.
    struct Header: Equatable {
        let width: Int, height: Int
        let isInterlaced: Bool
    }

    /// Whether these bytes begin as a PNG does.
    static func isPNG(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    }

    /// Reads everything before the pixels; nothing is allocated for these.
    static func header(of bytes: [UInt8]) throws(ImageError) -> Header {
        try withReader(of: bytes) { _, header throws(ImageError) in header }
    }

    /// Hands every row, top to bottom, to `body`: `3 * width` bytes. Before each row that is read, `goesOn` is asked. Only an
    /// interlaced picture is in memory as a whole.
    static func readRows(
        of bytes: [UInt8], goesOn: () -> Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) throws(ImageError) {
        try withReader(of: bytes) { reader, header throws(ImageError) in
            let stride = 3 * header.width
            let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(
                capacity: stride * (header.isInterlaced ? header.height : 1))
            defer { buffer.deallocate() }
            buffer.initialize(repeating: 0)
            let passes = header.isInterlaced ? Int(PNG_READER_PASSES) : 1
            for pass in 1...passes {
                for row in 0..<header.height {
                    guard goesOn() else { throw .stopped }
                    let start = header.isInterlaced ? row * stride : 0
                    let place = UnsafeMutableBufferPointer(rebasing: buffer[start..<start + stride])
                    try require(png_reader_row(reader, place.baseAddress), reader)
                    if pass == passes { body(UnsafeBufferPointer(place)) }
                }
            }
            try require(png_reader_finish(reader), reader)
        }
    }

    /// What libpng and zlib allocate while they read rows of this width: two rows of at most 8 bytes a pixel, each twice, and a window.
    static func workingBytes(width: Int) -> Int { 4 * 8 * (width + 64) + 1 << 18 }

    private static func withReader<Result>(
        of bytes: [UInt8], _ body: (OpaquePointer, Header) throws(ImageError) -> Result
    ) throws(ImageError) -> Result {
        try bytes.withUnsafeBufferPointer { (content) throws(ImageError) -> Result in
            guard let reader = png_reader_make(content.baseAddress, content.count) else { throw .noMemory }
            defer { png_reader_free(reader) }
            var header = png_header()
            try require(png_reader_open(reader, &header), reader)
            guard !header.is_animated else { throw .animated }
            return try body(
                reader,
                Header(
                    width: Int(header.width), height: Int(header.height), isInterlaced: header.is_interlaced))
        }
    }

    private static func require(_ problem: UnsafePointer<CChar>?, _ reader: OpaquePointer) throws(ImageError) {
        guard let problem else { return }
        throw png_reader_is_truncated(reader) ? .truncated : .corrupt("libpng says: \(String(cString: problem))")
    }
}
