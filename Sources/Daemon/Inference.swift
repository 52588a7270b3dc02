import Jobs
import Planner
import Rendering
import Spool

/// The renderer on its own thread. Whoever calls waits in line; a picture takes as long as it takes.
///
/// After every change the ``Outlook`` gets a copy of what the renderer knows, so that nobody has to wait here to plan.
actor Inference {
    private let thread = ServiceThread(name: "inference", stackSize: 16 << 20)
    private let outlook: Outlook
    private let renderer: Renderer

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Takes over `renderer`, which nobody else may use from now on.
    init(renderer: sending Renderer, outlook: Outlook) {
        self.renderer = renderer
        self.outlook = outlook
    }

    /// A picture that was made, as its files will be.
    struct Result: Sendable {
        /// The WebP file.
        let picture: [UInt8]
        /// The JSON file that says how it was made.
        let record: [UInt8]
        /// From the beginning to the finished picture.
        let seconds: Double
        /// The process's peak, resident where the kernel says it, else as planned.
        let peakBytes: Int
    }

    /// Plans `request` for now; measures before what its budget needs and this host never measured.
    ///
    /// - Returns: The plan, and what was measured, to be kept.
    func plan(
        _ request: JobRequest, _ initImage: InitImageFile?, observer: (RenderingProgress) throws -> Void
    ) throws(RenderingError) -> (plan: Plan, learned: [MemberCosts]) {
        defer { publish() }
        let before = renderer.costs.members
        let request = outlook.completed(request)
        try renderer.calibrateIfNeeded(for: request, initImage: initImage, now: .now, observer: observer)
        let learned = renderer.costs.members.filter { !before.contains($0) }
        return (try renderer.dryRun(request, initImage: initImage, now: .now), learned)
    }

    /// Reads the picture that `request` begins with, if there is one, on this thread.
    func initImage(of request: JobRequest, in spool: Spool) throws -> InitImageFile? {
        try spool.initImage(of: request)
    }

    /// Makes the picture of `job` as `plan` says.
    ///
    /// - Returns: What it took, and what was learned of the model's costs, to be kept.
    func render(
        _ job: Job, _ initImage: InitImageFile?, _ plan: Plan, observer: @Sendable () -> RenderObserver
    ) throws -> (result: Result, learned: [MemberCosts]) {
        defer { publish() }
        let observer = observer()
        var rendered = try renderer.render(job.request, initImage: initImage, seed: job.seed, plan: plan) {
            try observer.note($0)
        }
        let now = Timestamp.now
        rendered.record.id = job.id
        rendered.record.name = job.name.rawValue
        rendered.record.queue = ResultRecord.QueueTimes(
            attempts: job.attempts, createdAt: job.createdAt, startedAt: job.startedAt ?? now, finishedAt: now)
        let memory = rendered.record.memory
        let result = Result(
            picture: rendered.webp, record: rendered.record.encoded(),
            seconds: rendered.record.timings.totalSeconds, peakBytes: memory.measuredBytes ?? memory.plannedBytes)
        return (result, rendered.costs.map { [$0] } ?? [])
    }

    /// Runs `body`, which may block for the disk, on this thread.
    func perform<Value: Sendable>(_ body: @Sendable () throws -> Value) rethrows -> Value { try body() }

    /// Measures a model now.
    func calibrate(_ model: CatalogModel) throws(RenderingError) -> [MemberCosts] {
        defer { publish() }
        return try renderer.calibrate(model)
    }

    /// Other settings are in force, or other models are there.
    func use(_ catalog: ModelCatalog, options: Renderer.Options) {
        renderer.use(catalog, options: options)
        publish()
    }

    private func publish() {
        outlook.update(planner: renderer.planner, catalog: renderer.catalog)
    }
}
