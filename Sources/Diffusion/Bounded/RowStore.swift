import Compute
import Models

/// An image between two passes: bands of rows, as floats or rounded to three bytes, in memory as long as there is room, the rest in a
/// scratch file.
final class RowStore {
    let shape: Shape
    private(set) var bandRows = 0
    private let run: BoundedRun
    private var bands: [Band] = []
    private var file: ScratchFile?
    private var fileBytes = 0

    private enum Band {
        case floats(Tensor)
        case packed(Tensor)
        case file(offset: Int, shape: Shape)
        case gone
    }

    /// A store for `shape`, without rows yet.
    init(_ shape: Shape, _ run: BoundedRun) {
        self.shape = shape
        self.run = run
    }

    /// The rows from top to bottom.
    ///
    /// - Parameter isLast: nobody reads the store after this; a band's memory is free when it was read.
    func rows(isLast: Bool) -> StoredRows { StoredRows(self, isLast: isLast) }

    /// Keeps the next rows.
    func append(_ band: Tensor) throws(DiffusionError) {
        bandRows = max(bandRows, band.shape.h)
        guard !run.plan.keepsFloats else {
            // Without the band's statistics.
            bands.append(.floats(band.reshaped(band.shape)))
            return
        }
        let packed = run.context.packed24(band), bytes = packed.shape.byteCount(.uint8)
        if run.takeMemory(bytes) {
            bands.append(.packed(packed))
            return
        }
        bands.append(.file(offset: fileBytes, shape: packed.shape))
        if !run.context.isMeasuring {
            try withScratch { file throws(ModelError) in
                try file.write(UnsafeRawBufferPointer(packed.rawBytes), at: fileBytes)
            }
        }
        fileBytes += bytes
        run.noteScratch(bytes)
    }

    /// The rows of a band as floats.
    ///
    /// - Parameter isLast: nobody reads them again.
    func band(_ index: Int, isLast: Bool) throws(DiffusionError) -> Tensor {
        defer { if isLast { release(index) } }
        switch bands[index] {
        case .floats(let tensor): return tensor
        case .packed(let packed): return run.context.unpacked24(packed)
        case .file(let offset, let shape):
            let packed = run.context.tensor(shape, .uint8)
            if !run.context.isMeasuring {
                try withScratch { file throws(ModelError) in try file.read(into: packed.rawBytes, at: offset) }
            }
            return run.context.unpacked24(packed)
        case .gone: preconditionFailure("a band is read after its last time")
        }
    }

    private func release(_ index: Int) {
        if case .packed(let packed) = bands[index] { run.returnMemory(packed.shape.byteCount(.uint8)) }
        bands[index] = .gone
    }

    private func withScratch(_ body: (ScratchFile) throws(ModelError) -> Void) throws(DiffusionError) {
        guard let directory = run.scratchDirectory else { preconditionFailure("the plan has no scratch file") }
        do throws(ModelError) {
            let file = if let file { file } else { try ScratchFile(directory: directory) }
            self.file = file
            try body(file)
        } catch {
            throw .scratch(error)
        }
    }
}

/// A store from top to bottom.
final class StoredRows: RowStream {
    private let store: RowStore
    private let isLast: Bool
    private var index = 0

    init(_ store: RowStore, isLast: Bool) {
        self.store = store
        self.isLast = isLast
    }

    var shape: Shape { store.shape }
    var bandRows: Int { store.bandRows }

    func next() throws(DiffusionError) -> Tensor {
        defer { index += 1 }
        return try store.band(index, isLast: isLast)
    }
}

/// An image whose rows are made when they are asked for.
final class MadeRows: RowStream {
    let shape: Shape
    let bandRows: Int
    private let run: BoundedRun
    private let fill: (Range<Int>, Tensor) -> Void
    private var done = 0

    /// - Parameter fill: writes some rows; not called while measuring.
    init(_ shape: Shape, _ run: BoundedRun, fill: @escaping (Range<Int>, Tensor) -> Void) {
        self.shape = shape
        self.run = run
        self.fill = fill
        bandRows = run.bandRows(shape)
    }

    func next() -> Tensor {
        let rows = done..<min(done + bandRows, shape.h)
        let band = run.context.tensor(Shape(n: 1, h: rows.count, w: shape.w, c: shape.c))
        if !run.context.isMeasuring { fill(rows, band) }
        done = rows.upperBound
        return band
    }
}
