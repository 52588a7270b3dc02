import Models

/// Keeps the mapped weights of one block of a network in memory: lets those of a finished block go, and asks for the ones after the
/// next, which are read from the disk while that one computes.
///
/// ```
/// finished:   conv_in     block 0     block 1     block 2    …    conv_out
/// let go:     conv_in     block 0     block 1     block 2
/// asked for:  block 1     block 2     block 3     …               block 0, for the next step
/// ```
/// A dry run of the same code tells it the blocks in their order; `start()` ends the dry run.
final class WeightStream {
    private let map: WeightMap
    private var paths: [String] = []
    private var regions: [WeightRegion] = []
    private var indices: [String: Int] = [:]
    private var isLearning = true

    /// A stream of the weights in `map` that knows no block.
    init(_ map: WeightMap) { self.map = map }

    /// The most that is in memory at once: a block, and what belongs to none.
    var residentBytes: Int {
        map.region(outside: paths).byteCount + (regions.map(\.byteCount).max() ?? 0)
    }

    /// Ends the dry run: blocks are streamed from now on.
    func start() {
        isLearning = false
        for region in regions.prefix(2) { region.willNeed() }
    }

    /// The block at `path` is done in this evaluation.
    func finished(_ path: String) {
        let index = index(of: path)
        guard !isLearning else { return }
        regions[index].discard()
        regions[(index + 2) % regions.count].willNeed()
    }

    /// Some of the weights at `path` were read, out of turn.
    func passed(_ path: String) {
        guard !isLearning else { return }
        map.discard(under: path)
    }

    private func index(of path: String) -> Int {
        if let index = indices[path] { return index }
        paths.append(path)
        regions.append(map.region(under: path))
        indices[path] = regions.count - 1
        return regions.count - 1
    }
}
