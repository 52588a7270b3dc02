import Models

/// Euler's method over noise levels (Karras et al., arXiv 2206.00364, algorithm 2); diffusers' `EulerDiscreteScheduler` without
/// churn.
struct EulerSolver: Solver {
    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        prediction.moved(to: prediction.next)
    }
}

/// Euler's method that goes below the next level and adds fresh noise; diffusers' `EulerAncestralDiscreteScheduler`.
struct EulerAncestralSolver: Solver {
    init() {}

    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        guard setup.parameterization != .sample else {
            throw setup.config.refusal("prediction_type", "'sample' has no ancestral sampler")
        }
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        let sigma = prediction.level, next = prediction.next
        let added = (next * next * (sigma * sigma - next * next) / (sigma * sigma)).squareRoot()
        let moved = prediction.moved(to: (next * next - added * added).squareRoot())
        let noise = random.normals(moved.count)
        return moved.indices.map { moved[$0] + noise[$0] * added }
    }
}

extension Prediction {
    /// The sample at another level, along the straight line through the picture.
    fileprivate func moved(to target: Float) -> [Float] {
        let sigma = level, change = target - sigma
        return sample.indices.map { sample[$0] + (sample[$0] - picture($0)) / sigma * change }
    }
}
