import Compute
import Models

/// An image between two passes: bands of rows, as floats or as float16, in memory as long as there is room, the rest in a scratch file.
///
/// float16 keeps 11 bits of what it stores, and nothing above 65504: a band with larger values is divided by a power of two.
final class RowStore {
    let shape: Shape
    private(set) var bandRows = 0
    private let run: BoundedRun
    private var bands: [Band] = []
    private var file: ScratchFile?
    private var fileBytes = 0

    private struct Band {
        let shape: Shape
        let divisor: Float
        let place: Place
    }

    private enum Place {
        case floats(Tensor)
        case halves(Tensor)
        case file(offset: Int)
        case gone
    }

    private static let largest: Float = 32768

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
    ///
    /// - Parameter most: of the absolute values; not read while measuring.
    func append(_ band: Tensor, most: Float) throws(DiffusionError) {
        let format: ElementType = run.plan.keepsFloats ? .float32 : .float16
        let bytes = band.shape.byteCount(format), fits = run.takeMemory(bytes)
        bandRows = max(bandRows, band.shape.h)
        guard format == .float16 else {
            bands.append(Band(shape: band.shape, divisor: 1, place: .floats(band.reshaped(band.shape))))
            return
        }
        let divisor = RowStore.divisor(most), halves = run.context.halved(band, divisor: divisor)
        let place: Place = fits ? .halves(halves) : .file(offset: fileBytes)
        bands.append(Band(shape: band.shape, divisor: divisor, place: place))
        guard !fits else { return }
        if !run.context.isMeasuring {
            try withScratch { file throws(ModelError) in
                try file.write(UnsafeRawBufferPointer(halves.rawBytes), at: fileBytes)
            }
        }
        fileBytes += bytes
        run.noteScratch(bytes)
    }

    /// The rows of a band as floats.
    ///
    /// - Parameter isLast: nobody reads them again.
    func band(_ index: Int, isLast: Bool) throws(DiffusionError) -> Tensor {
        let band = bands[index], context = run.context
        defer { if isLast { release(index) } }
        switch band.place {
        case .floats(let tensor): return tensor
        case .halves(let halves): return context.restored(halves, factor: band.divisor)
        case .file(let offset):
            let halves = context.tensor(band.shape, .float16)
            if !context.isMeasuring {
                try withScratch { file throws(ModelError) in try file.read(into: halves.rawBytes, at: offset) }
            }
            return context.restored(halves, factor: band.divisor)
        case .gone: preconditionFailure("a band is read after its last time")
        }
    }

    private func release(_ index: Int) {
        switch bands[index].place {
        case .floats: run.returnMemory(bands[index].shape.byteCount(.float32))
        case .halves: run.returnMemory(bands[index].shape.byteCount(.float16))
        case .file, .gone: break
        }
        bands[index] = Band(shape: bands[index].shape, divisor: 1, place: .gone)
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

    /// The power of two that brings `most` within reach of float16.
    private static func divisor(_ most: Float) -> Float {
        guard most.isFinite, most > largest else { return 1 }
        return Float(sign: .plus, exponent: (most / largest).exponent + 1, significand: 1)
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
