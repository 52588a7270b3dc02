import Stages

/// What one block of a network takes.
struct BlockTime: Encodable {
    /// Its path in the checkpoint; a block includes what was computed since the block before it ended.
    let path: String
    /// The median over the repetitions.
    let seconds: Double
}

/// Measures the blocks of a network by the times at which they end.
struct BlockWatch {
    private let stopwatch: Stopwatch
    private var last = 0.0
    private var order: [String] = []
    private var times: [String: [Double]] = [:]

    init(_ stopwatch: Stopwatch) {
        self.stopwatch = stopwatch
    }

    /// A repetition begins.
    mutating func start() {
        last = stopwatch.now
    }

    /// A block has ended, and the next one begins.
    mutating func ended(_ path: String) {
        let now = stopwatch.now
        if times[path] == nil { order.append(path) }
        times[path, default: []].append(now - last)
        last = now
    }

    /// All blocks in the order of computation.
    var blocks: [BlockTime] {
        order.map { BlockTime(path: $0, seconds: (times[$0] ?? []).median) }
    }
}
