import CJPEG

/// The JPEG format, read only, through libjpeg-turbo with its own settings.
///
/// Baseline and progressive pictures of 8 bits become red, green, blue as Pillow's `convert("RGB")` has them: gray three times, four
/// inks as inverted ones. Colour profiles are not applied. Damage that costs pixels is an error, also where other readers fill in.
enum JPEG {
    /// What the header says.
    struct Header: Equatable {
        let width: Int, height: Int
        /// What libjpeg allocates beside the rows that it gives.
        let workingBytes: Int
    }

    /// Whether these bytes begin as a JPEG does.
    static func isJPEG(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0xFF, 0xD8, 0xFF]) }

    /// Reads everything before the pixels; nothing is allocated for these.
    static func header(of bytes: [UInt8]) throws(ImageError) -> Header {
        try withReader(of: bytes) { _, header throws(ImageError) in header }
    }

    /// Hands every row, top to bottom, to `body`: `3 * width` bytes. Before each, and while a progressive picture is read, `goesOn` is
    /// asked.
    static func readRows(
        of bytes: [UInt8], goesOn: () -> Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) throws(ImageError) {
        try withoutActuallyEscaping(goesOn) { (goesOn) throws(ImageError) in
            let question = Question(goesOn)
            try withReader(of: bytes) { reader, header throws(ImageError) in
                let context = Unmanaged.passUnretained(question).toOpaque()
                let ask: jpeg_reader_goes_on = { context in
                    context.map { Unmanaged<Question>.fromOpaque($0).takeUnretainedValue().ask() } ?? true
                }
                try require(jpeg_reader_start(reader, ask, context), reader)
                let row = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 4 * header.width)
                defer { row.deallocate() }
                row.initialize(repeating: 0)
                for _ in 0..<header.height {
                    try require(jpeg_reader_row(reader, row.baseAddress), reader)
                    body(UnsafeBufferPointer(rebasing: row[..<(3 * header.width)]))
                }
                try require(jpeg_reader_finish(reader), reader)
            }
        }
    }

    /// The closure that C asks through a pointer.
    private final class Question {
        let ask: () -> Bool

        init(_ ask: @escaping () -> Bool) { self.ask = ask }
    }

    private static func withReader<Result>(
        of bytes: [UInt8], _ body: (OpaquePointer, Header) throws(ImageError) -> Result
    ) throws(ImageError) -> Result {
        try bytes.withUnsafeBufferPointer { (content) throws(ImageError) -> Result in
            guard let reader = jpeg_reader_make(content.baseAddress, content.count) else { throw .noMemory }
            defer { jpeg_reader_free(reader) }
            var header = jpeg_header()
            try require(jpeg_reader_open(reader, &header), reader)
            return try body(
                reader,
                Header(width: Int(header.width), height: Int(header.height), workingBytes: Int(header.working_bytes)))
        }
    }

    private static func require(_ problem: UnsafePointer<CChar>?, _ reader: OpaquePointer) throws(ImageError) {
        guard let problem else { return }
        if jpeg_reader_was_stopped(reader) { throw .stopped }
        throw jpeg_reader_is_truncated(reader) ? .truncated : .corrupt("libjpeg says: \(String(cString: problem))")
    }
}
