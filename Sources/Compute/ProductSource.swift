import CKernels

/// The left side of a product in memory.
struct ProductSource {
    /// First element of the first row, and elements of a row. Rows of several parts stand side by side.
    let parts: [(start: UnsafeRawPointer, channels: Int)]
    /// For bytes, of each row or image; else nil.
    let scales: UnsafePointer<Float>?
    let zeros: UnsafePointer<Float>?
    let form: OperandForm

    init(parts: [(start: UnsafeRawPointer, channels: Int)]) {
        self.parts = parts
        scales = nil
        zeros = nil
        form = .fp32
    }

    init(_ rows: OperandRows) {
        parts = [(UnsafeRawPointer(rows.elements), rows.channels)]
        scales = rows.scales.map { UnsafePointer($0) }
        zeros = rows.zeros.map { UnsafePointer($0) }
        form = rows.form
    }

    /// Fills a pixel of padding: what stands for zero in an image.
    func fillPadding(_ pixel: UnsafeMutableRawPointer, byteCount: Int, image: Int) {
        let zero = form == .bytesByImage ? zeros.map { UInt8($0[image]) } ?? 0 : 0
        pixel.initializeMemory(as: UInt8.self, repeating: zero, count: byteCount)
    }
}
