import Compute
import Diffusion
import Models
import Stages

/// How far every block of a network is from fp32, over the same input of the network: errors add up on the way.
struct BlockErrors: Encodable {
    let precision: String
    /// Root of the mean square of the difference, as a part of that of the fp32 result; by the blocks' paths.
    let errors: [Double]

    /// The blocks' results at fp32, in the order of computation.
    struct Reference {
        var paths: [String] = []
        var results: [[Float]] = []

        init(_ stage: Stage, of folder: ModelFolder, size: Int, _ preparation: Preparation) throws {
            try run(stage, folder, size, preparation) { path, result in
                paths.append(path)
                results.append(result)
            }
        }
    }

    /// Runs the stage beside what fp32 gave.
    init(
        _ stage: Stage, of folder: ModelFolder, size: Int, _ preparation: Preparation, against reference: Reference
    ) throws {
        precision = preparation.precision.rawValue
        var errors: [Double] = []
        try run(stage, folder, size, preparation) { path, result in
            let exact = reference.results[errors.count]
            precondition(path == reference.paths[errors.count], "A network computes its blocks in one order.")
            let (difference, whole) = zip(result, exact).reduce((0.0, 0.0)) { sums, pair in
                let (value, exact) = (Double(pair.0), Double(pair.1))
                return (sums.0 + (value - exact) * (value - exact), sums.1 + exact * exact)
            }
            errors.append(whole > 0 ? (difference / whole).squareRoot() : 0)
        }
        self.errors = errors
    }
}

/// One evaluation of a stage; `tap` receives each block's result.
private func run(
    _ stage: Stage, _ folder: ModelFolder, _ size: Int, _ preparation: Preparation, _ tap: (String, [Float]) -> Void
) throws {
    let network = try stage.load(folder, size: size, preparation)
    let pool = try preparation.pool ?? ThreadPool(threads: 1)
    let trial = Evaluation(try Context(arena: Arena(), pool: pool))
    _ = network(trial)
    let context = try Context(arena: Arena(capacity: trial.context.arena.peakBytes), pool: pool)
    withoutActuallyEscaping(tap) { tap in
        _ = network(Evaluation(context, tap: { tap($0, $1.array()) }))
    }
}
