import class Compute.StopFlag
import Jobs
import Planner
import Rendering
import Spool
import Synchronization
import Systemd

/// The renderer on its own thread. Whoever calls waits in line; a picture takes as long as it takes.
///
/// After every change the ``Outlook`` gets a copy of what the renderer knows, so that nobody has to wait here to plan. While something
/// is computed, it alone feeds the watchdog, block by block. Measurements end when the daemon stops, and when the task that asked for
/// them is cancelled.
actor Inference {
    private let thread = ServiceThread(name: "inference", stackSize: 16 << 20)
    private let outlook: Outlook
    private let renderer: Renderer
    private let watchdog: Watchdog
    private let stop: StopSignal
    private let computations = Mutex(0)
    private let news = Mutex<(catalog: ModelCatalog, options: Renderer.Options)?>(nil)

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Takes over `renderer`, which nobody else may use from now on.
    init(renderer: sending Renderer, outlook: Outlook, watchdog: Watchdog, stop: StopSignal) {
        self.renderer = renderer
        self.outlook = outlook
        self.watchdog = watchdog
        self.stop = stop
    }

    /// Whether something is computed now.
    nonisolated var isBusy: Bool { computations.withLock { $0 > 0 } }

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

    /// Plans `request` for now; measures before what its budget needs and this host never measured. `stop` ends it at any time.
    ///
    /// - Returns: The plan, and what was measured, to be kept.
    func plan(
        _ request: JobRequest, _ initImage: InitImageFile?, stop: StopFlag,
        observer: (RenderingProgress) throws -> Void
    ) throws(RenderingError) -> (plan: Plan, learned: [MemberCosts]) {
        begin(stop)
        defer { end() }
        let before = renderer.costs.members
        let request = outlook.completed(request)
        try renderer.calibrateIfNeeded(for: request, initImage: initImage, now: .now) { progress in
            try goOn()
            try observer(progress)
        }
        let learned = renderer.costs.members.filter { !before.contains($0) }
        return (try renderer.dryRun(request, initImage: initImage, now: .now), learned)
    }

    /// Reads the picture that `request` begins with, if there is one, on this thread.
    func initImage(of request: JobRequest, in spool: Spool) throws -> InitImageFile? {
        try spool.initImage(of: request)
    }

    /// Makes the picture of `job` as `plan` says. `stop` ends it at any time.
    ///
    /// - Returns: What it took, and what was learned of the model's costs, to be kept.
    func render(
        _ job: Job, _ initImage: InitImageFile?, _ plan: Plan, stop: StopFlag,
        observer: @Sendable () -> RenderObserver
    ) throws -> (result: Result, learned: [MemberCosts]) {
        begin(stop)
        defer { end() }
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

    /// Measures a model now. `stop` ends it at any time.
    func calibrate(_ model: CatalogModel, stop: StopFlag) throws(RenderingError) -> [MemberCosts] {
        begin(stop)
        defer { end() }
        return try renderer.calibrate(model) { _ in try goOn() }
    }

    /// Other settings are in force, or other models are there: from the next computation on, for nobody may wait here for this one.
    nonisolated func use(_ catalog: ModelCatalog, options: Renderer.Options) {
        news.withLock { $0 = (catalog, options) }
        Task { await adopt() }
    }

    private func adopt() {
        let latest = news.withLock { news in
            defer { news = nil }
            return news
        }
        guard let latest else { return }
        renderer.use(latest.catalog, options: latest.options)
        publish()
    }

    /// Gives `body` a flag that is raised when the daemon stops and when the calling task is cancelled, so that either ends what is
    /// computed in the middle of a block.
    nonisolated func withStopFlag<Value: Sendable>(
        _ body: (StopFlag) async throws -> Value
    ) async throws -> Value {
        let flag = StopFlag { [watchdog] in watchdog.pet() }
        let lookout = Task { [stop] in
            while !Task.isCancelled {
                if stop.isStopping { flag.raise(Interruption.stopping) }
                try? await Task.sleep(for: Self.lookInterval)
            }
        }
        defer { lookout.cancel() }
        return try await withTaskCancellationHandler {
            try await body(flag)
        } onCancel: {
            flag.raise(Interruption.cancelled)
        }
    }

    /// How often somebody looks from beside the inference thread whether its work is still wanted.
    static let lookInterval = Duration.milliseconds(250)

    private func begin(_ flag: StopFlag?) {
        renderer.stop = flag
        computations.withLock { $0 += 1 }
    }

    private func end() {
        renderer.stop = nil
        publish()
        computations.withLock { $0 -= 1 }
    }

    /// A measurement came further. Throws when it is to be given up.
    private func goOn() throws(Interruption) {
        watchdog.pet()
        if stop.isStopping { throw .stopping }
        if Task.isCancelled { throw .cancelled }
    }

    private func publish() {
        outlook.update(planner: renderer.planner, catalog: renderer.catalog)
    }
}
