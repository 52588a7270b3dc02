import Compute
import Diffusion
import Models
import Stages

/// What one stage took, every time.
struct Measurement: Encodable {
    /// Which stage.
    let stage: Stage
    /// Loading its network the first time and once more: what a cache of prepared weights saves.
    let loadSeconds: [Double]
    /// One number a repetition, in their order.
    let seconds: [Double]
    /// The peak of the stage's arena.
    let activationBytes: Int
    /// Where the time of a repetition went, in the order of computation; empty unless asked for.
    let blocks: [BlockTime]

    /// Loads the stage's network, warms up, and times it.
    init(_ stage: Stage, of folder: ModelFolder, pool: ThreadPool, options: Options) throws {
        self.stage = stage
        let stopwatch = Stopwatch(threads: pool.threads)
        var loadSeconds: [Double] = []
        var run: ((Evaluation) -> Tensor)?
        for _ in 0..<options.loads {
            run = nil
            loadSeconds.append(
                try stopwatch.measure { run = try stage.load(folder, size: options.size, options.preparation) })
        }
        self.loadSeconds = loadSeconds
        guard let run else { preconditionFailure("A stage is loaded at least once.") }

        let trial = Evaluation(try Context(arena: Arena(), pool: pool))
        _ = run(trial)
        activationBytes = trial.context.arena.peakBytes
        let context = try Context(arena: Arena(capacity: activationBytes), pool: pool)
        _ = run(Evaluation(context))
        seconds = (0..<options.repetitions).map { _ in stopwatch.measure { _ = run(Evaluation(context)) } }

        var watch = BlockWatch(stopwatch)
        if options.timesBlocks {
            for _ in 0..<options.repetitions {
                watch.start()
                _ = run(Evaluation(context, tap: { path, _ in watch.ended(path) }))
            }
        }
        blocks = watch.blocks
    }

    /// How it is measured.
    struct Options {
        /// The side of the picture in pixels.
        var size: Int
        var preparation: Preparation
        var repetitions: Int
        /// How often the network is loaded.
        var loads: Int
        var timesBlocks: Bool
    }

    private enum Key: String, CodingKey {
        case seconds, blocks
        case loadSeconds = "load_seconds"
        case activationBytes = "activation_bytes"
    }

    func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(loadSeconds, forKey: .loadSeconds)
        try container.encode(seconds, forKey: .seconds)
        try container.encode(activationBytes, forKey: .activationBytes)
        try container.encode(blocks, forKey: .blocks)
    }
}
