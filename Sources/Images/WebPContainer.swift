import CWebP

extension WebP {
    /// The XMP packet in a picture, if it has one.
    public static func xmp(of bytes: [UInt8]) throws(ImageError) -> [UInt8]? {
        try withMux(bytes) { mux in chunk("XMP ", of: mux) }
    }

    /// The Exif block in a picture (a TIFF file), if it has one.
    public static func exif(of bytes: [UInt8]) throws(ImageError) -> [UInt8]? {
        try withMux(bytes) { mux in chunk("EXIF", of: mux) }
    }

    /// A WebP with the picture's VP8 or VP8L chunk and nothing else: what two runs of one job have in common.
    public static func bitstream(of bytes: [UInt8]) throws(ImageError) -> [UInt8] {
        let bitstream: [UInt8]? = try withMux(bytes) { mux in
            var frame = WebPMuxFrameInfo()
            guard WebPMuxGetFrame(mux, 1, &frame) == WEBP_MUX_OK else { return nil }
            defer { WebPDataClear(&frame.bitstream) }
            return Array(UnsafeBufferPointer(start: frame.bitstream.bytes, count: frame.bitstream.size))
        }
        guard let bitstream else { throw .corrupt("it holds no picture") }
        return bitstream
    }

    /// The same picture with these XMP and Exif chunks in place of those it had.
    static func replacingMetadata(of bytes: [UInt8], xmp: [UInt8], exif: [UInt8]) throws(ImageError) -> [UInt8] {
        let assembled: [UInt8]? = try withMux(bytes) { mux in
            guard setChunk("XMP ", xmp, of: mux), setChunk("EXIF", exif, of: mux) else { return nil }
            var data = WebPData()
            guard WebPMuxAssemble(mux, &data) == WEBP_MUX_OK else { return nil }
            defer { WebPDataClear(&data) }
            return Array(UnsafeBufferPointer(start: data.bytes, count: data.size))
        }
        guard let assembled else { throw .encoding(code: 0) }
        return assembled
    }

    private static func setChunk(_ name: String, _ content: [UInt8], of mux: OpaquePointer) -> Bool {
        content.withUnsafeBufferPointer { content in
            var data = WebPData(bytes: content.baseAddress, size: content.count)
            return WebPMuxSetChunk(mux, name, &data, 1) == WEBP_MUX_OK
        }
    }

    private static func chunk(_ name: String, of mux: OpaquePointer) -> [UInt8]? {
        var data = WebPData()
        guard WebPMuxGetChunk(mux, name, &data) == WEBP_MUX_OK else { return nil }
        // The bytes belong to the mux.
        return Array(UnsafeBufferPointer(start: data.bytes, count: data.size))
    }

    /// Opens the container for as long as `body` runs; nothing of it may be kept.
    private static func withMux<Result>(
        _ bytes: [UInt8], _ body: (OpaquePointer) -> Result
    ) throws(ImageError) -> Result {
        _ = try size(of: bytes)
        let result: Result? = bytes.withUnsafeBufferPointer { content in
            var data = WebPData(bytes: content.baseAddress, size: content.count)
            guard let mux = WebPMuxCreate(&data, 0) else { return nil }
            defer { WebPMuxDelete(mux) }
            return body(mux)
        }
        guard let result else { throw .corrupt("its chunks cannot be read") }
        return result
    }
}
