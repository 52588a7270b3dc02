/// Hands progress to an observer and keeps what it throws until the picture can be given up.
final class ProgressWatch {
    private let observer: (PipelineProgress) throws -> Void
    private var failure: (any Error)?

    init(_ observer: @escaping (PipelineProgress) throws -> Void) { self.observer = observer }

    /// A sign of life from inside a network, which cannot stop there.
    func block() {
        guard failure == nil else { return }
        do { try observer(.block) } catch { failure = error }
    }

    /// Tells of a stage or a step, and throws what the observer threw, now or before.
    func report(_ progress: PipelineProgress) throws(DiffusionError) {
        try check()
        do { try observer(progress) } catch { throw .stopped(error) }
    }

    /// Throws what the observer threw before.
    func check() throws(DiffusionError) {
        if let failure { throw .stopped(failure) }
    }
}
