import CKernels

/// A 3x3 convolution of stride 1 as 36 or 64 products, by Winograd's F(4x4, 3x3) or F(6x6, 3x3) (Lavin and Gray, arXiv 1509.09308): a
/// quarter, or a fifth, of the direct multiplications.
///
/// ```
/// pixels ─ scatter ─► left [p][tiles][channels] ─ product i of p ─► sums [tiles][p][columns] ─ gather ─► pixels, a panel wide
/// ```
/// The work is cut into units of some 64 tiles, or 32 where all weights fit a core's cache. Where the channels are few, a thread takes a unit through all of this, and its left
/// side stays in the cache; where they are many, the weights are the larger part: then the left side of a group of units is made
/// first, and each panel of weights passes over the whole group. Interpolation points and errors: see kernels.def.
struct WinogradProduct {
    /// The transformed filters.
    let weight: Panels
    let winograd: Winograd
    let tiles: WinogradTiles
    /// Whether a thread takes a unit through all of it.
    private let isPrivate: Bool
    private let hasFewWeights: Bool
    /// Runs of a unit, units of a group.
    private let unitRuns: Int, groupUnits: Int

    private static let unitTiles = 64
    /// Weights that stay in a second-level cache, whatever else passes through it.
    private static let fewWeights = 64 * 64 * 64
    /// Units of each thread, for an even share of the work. All weights are copied for each unit, so more would cost more.
    private static let enoughOfThread = 4
    private static let mostPrivateChannels = 256
    private static let mostGroupBytes = 24 << 20

    init(_ weight: Panels, _ winograd: Winograd, _ tiles: WinogradTiles, threads: Int) {
        self.weight = weight
        self.winograd = winograd
        self.tiles = tiles
        isPrivate = weight.channels <= WinogradProduct.mostPrivateChannels
        hasFewWeights = weight.outputs * weight.depth <= WinogradProduct.fewWeights
        let most = max(1, WinogradProduct.unitTiles / (hasFewWeights ? 2 : 1) / tiles.tilesOfRun)
        let enough = isPrivate ? min(tiles.runs, WinogradProduct.enoughOfThread * threads) : 1
        let units = max((tiles.runs + most - 1) / most, enough)
        unitRuns = (tiles.runs + units - 1) / units
        let bytes = winograd.products * unitRuns * tiles.tilesOfRun * weight.channels * 4
        groupUnits = isPrivate ? 1 : max(1, min(units, WinogradProduct.mostGroupBytes / bytes))
    }

    private var groupRuns: Int { groupUnits * unitRuns }
    private var unitTiles: Int { unitRuns * tiles.tilesOfRun }

    // Scratch, in floats. A cache line between the parts of each product keeps them out of each other's way in the cache.
    private var leftStep: Int { (groupUnits * unitTiles * weight.channels + 15) / 16 * 16 + 16 }
    private var leftElements: Int { winograd.products * leftStep }
    /// Kernels write whole rows of sums.
    private var sumElements: Int {
        let step = Int(KERNELS_PRODUCT_ROWS)
        return (unitTiles + step - 1) / step * step * winograd.products * PanelLayout.columns
    }
    private var resultElements: Int { winograd.side * winograd.side * tiles.tilesOfRun * PanelLayout.columns }
    /// The weights of one product: also where they are floats, a copy in large pages is faster than the many passes over a file's.
    private var weightElements: Int { weight.channels * PanelLayout.columns }
    private var threadElements: Int { sumElements + resultElements + weightElements }
    private var paddingElements: Int { (weight.channels + 15) / 16 * 16 }

    /// Floats of scratch that the convolution needs on `threads` threads.
    func scratchElements(threads: Int) -> Int {
        threads * threadElements + (isPrivate ? threads : 1) * leftElements + paddingElements
    }

    /// Computes the convolution.
    ///
    /// - Parameter finish: is called, on any thread, for each row of pixels of a run and each panel: their sums, and the rows of
    ///   the result that these are.
    func run(
        _ input: UnsafePointer<Float>, window: kernels_window, scratch: UnsafeMutablePointer<Float>, pool: ThreadPool,
        _ kernels: kernels,
        finish: (_ sums: ProductSums, _ rows: Range<Int>) -> Void
    ) {
        let padding = scratch, left = padding + paddingElements
        let sums = left + (isPrivate ? pool.threads : 1) * leftElements
        padding.update(repeating: 0, count: weight.channels)
        func scatter(_ runs: Range<Int>, from first: Int, into left: UnsafeMutablePointer<Float>) {
            let range = tiles.tiles(of: runs)
            winograd.scatter(
                left + (range.lowerBound - first) * weight.channels, step: leftStep, input, padding, window,
                tiles: range, kernels)
        }
        func multiply(panel: Int, _ runs: Range<Int>, left: UnsafeMutablePointer<Float>, thread: Int) {
            let target = sums + thread * threadElements
            product(
                left, panel: panel, count: tiles.tiles(of: runs).count, into: target,
                copy: target + sumElements + resultElements, kernels)
            gather(runs, panel: panel, from: target, through: target + sumElements, kernels, finish)
        }

        if isPrivate {
            pool.parallelFor((tiles.runs + unitRuns - 1) / unitRuns) { unit, thread in
                let runs = unit * unitRuns..<min(tiles.runs, (unit + 1) * unitRuns)
                let left = left + thread * leftElements
                scatter(runs, from: tiles.tiles(of: runs).lowerBound, into: left)
                for panel in 0..<weight.count { multiply(panel: panel, runs, left: left, thread: thread) }
            }
            return
        }
        for start in stride(from: 0, to: tiles.runs, by: groupRuns) {
            let group = start..<min(tiles.runs, start + groupRuns)
            let first = tiles.tiles(of: group).lowerBound, units = (group.count + unitRuns - 1) / unitRuns
            pool.parallelFor(group.count) { scatter(start + $0..<start + $0 + 1, from: first, into: left) }
            pool.parallelFor(units * weight.count) { index, thread in
                let unit = start + index % units * unitRuns
                let runs = unit..<min(group.upperBound, unit + unitRuns)
                let left = left + (tiles.tiles(of: runs).lowerBound - first) * weight.channels
                multiply(panel: index / units, runs, left: left, thread: thread)
            }
        }
    }

    /// The products of a unit and a panel.
    private func product(
        _ left: UnsafePointer<Float>, panel: Int, count: Int, into sums: UnsafeMutablePointer<Float>,
        copy: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) {
        let channels = weight.channels, width = weight.width(of: panel), step = Int(KERNELS_PRODUCT_ROWS)
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: step) { pointers in
            guard let pointers = pointers.baseAddress else { return }
            let rows = UnsafeRawPointer(pointers).assumingMemoryBound(to: UnsafePointer<Float>?.self)
            for index in 0..<winograd.products {
                let right = weights(panel, index, copy: copy, kernels)
                let left = UnsafeRawPointer(left + index * leftStep)
                for tile in stride(from: 0, to: count, by: step) {
                    kernels_gather(pointers, left, nil, channels * 4, nil, tile, count - 1)
                    kernels.product_f32(
                        sums + (tile * winograd.products + index) * width, winograd.products * width,
                        rows, 1, channels, right, width, 0)
                }
            }
        }
    }

    /// The weights of product `index` as floats, in the thread's cache.
    private func weights(
        _ panel: Int, _ index: Int, copy: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) -> UnsafePointer<Float> {
        let stored = weight.pointer(panel, from: index * weight.channels)
        let count = weight.channels * weight.width(of: panel)
        if weight.precision == .fp32 {
            if hasFewWeights { return stored.assumingMemoryBound(to: Float.self) }
            copy.update(from: stored.assumingMemoryBound(to: Float.self), count: count)
        } else {
            kernels.f16_to_f32(copy, stored.assumingMemoryBound(to: UInt16.self), count)
        }
        return UnsafePointer(copy)
    }

    /// From a unit's sums to pixels of the result, run by run while they are in the cache.
    private func gather(
        _ runs: Range<Int>, panel: Int, from sums: UnsafePointer<Float>, through pixels: UnsafeMutablePointer<Float>,
        _ kernels: kernels,
        _ finish: (_ sums: ProductSums, _ rows: Range<Int>) -> Void
    ) {
        let width = weight.width(of: panel), columns = weight.outputs(of: panel)
        var source = sums
        for run in runs {
            let count = tiles.tiles(of: run).count, stride = winograd.side * count * width
            winograd.gather(pixels, stride: stride, source, tiles: count, columns: width, kernels)
            for y in 0..<winograd.side {
                guard let rows = tiles.pixels(of: run, y: y) else { break }
                finish(ProductSums(start: pixels + y * stride, stride: width, columns: columns, scales: nil), rows)
            }
            source += count * winograd.products * width
        }
    }
}
