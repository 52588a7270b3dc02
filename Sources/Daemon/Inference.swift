import class Compute.StopFlag
import Jobs
import Planner
import Rendering
import Spool
import Synchronization
import Systemd

/// Why a picture was given up though nothing failed.
package enum Interruption: Error, Sendable, Equatable {
    /// Somebody cancelled the job.
    case cancelled
    /// The daemon stops; the job goes back uncharged.
    case stopping
}

/// A picture that was made: its files, and what it took.
package struct MadePicture: Equatable, Sendable {
    /// The WebP file.
    let picture: [UInt8]
    /// The JSON file that says how it was made.
    let record: [UInt8]
    /// What it was made with.
    let variant: Variant
    /// From the beginning to the finished picture.
    let seconds: Double
    /// The process's peak, resident where the kernel says it, else as planned.
    let peakBytes: Int
    /// What is known of the model's costs now, to be kept.
    let learned: [MemberCosts]

    /// A picture with all of that.
    package init(
        picture: [UInt8], record: [UInt8], variant: Variant, seconds: Double, peakBytes: Int, learned: [MemberCosts]
    ) {
        (self.picture, self.record, self.variant) = (picture, record, variant)
        (self.seconds, self.peakBytes, self.learned) = (seconds, peakBytes, learned)
    }
}

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
    private let clock: Clock
    private let stop: StopSignal
    private let computations = Mutex(0)
    private let news = Mutex<(catalog: ModelCatalog, options: Renderer.Options)?>(nil)

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Takes over `renderer`, which nobody else may use from now on.
    init(renderer: sending Renderer, outlook: Outlook, watchdog: Watchdog, clock: Clock, stop: StopSignal) {
        self.renderer = renderer
        self.outlook = outlook
        self.watchdog = watchdog
        self.clock = clock
        self.stop = stop
    }

    /// Whether something is computed now.
    nonisolated var isBusy: Bool { computations.withLock { $0 > 0 } }

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
        try renderer.calibrateIfNeeded(for: request, initImage: initImage, now: clock.now()) { progress in
            try goOn()
            try observer(progress)
        }
        let learned = renderer.costs.members.filter { !before.contains($0) }
        return (try renderer.dryRun(request, initImage: initImage, now: clock.now()), learned)
    }

    /// Reads the picture that `request` begins with, if there is one, on this thread.
    func initImage(of request: JobRequest, in spool: Spool) throws -> InitImageFile? {
        try spool.initImage(of: request)
    }

    /// Makes the picture of `job` as `plan` says, and tells `observer`. `stop` ends it at any time.
    func render(
        _ job: Job, _ initImage: InitImageFile?, _ plan: Plan, stop: StopFlag, observer: RenderObserver
    ) throws -> MadePicture {
        begin(stop)
        defer { end() }
        var observer = observer
        var rendered = try renderer.render(job.request, initImage: initImage, seed: job.seed, plan: plan) {
            try observer.note($0)
        }
        let now = clock.now()
        rendered.record.id = job.id
        rendered.record.name = job.name.rawValue
        rendered.record.queue = ResultRecord.QueueTimes(
            attempts: job.attempts, createdAt: job.createdAt, startedAt: job.startedAt ?? now, finishedAt: now)
        let memory = rendered.record.memory
        return MadePicture(
            picture: rendered.webp, record: rendered.record.encoded(), variant: plan.variant,
            seconds: rendered.record.timings.totalSeconds, peakBytes: memory.measuredBytes ?? memory.plannedBytes,
            learned: rendered.costs.map { [$0] } ?? [])
    }

    /// Measures a model now. `stop` ends it at any time.
    func calibrate(_ model: CatalogModel, stop: StopFlag) throws(RenderingError) -> [MemberCosts] {
        begin(stop)
        defer { end() }
        return try renderer.calibrate(model) { _ in try goOn() }
    }

    /// Puts other settings and models in force from the next computation on, and does not wait for the present one.
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

    /// Gives `body` a flag that ends what is computed in the middle of a block. It is raised when the daemon stops, when the calling task
    /// is cancelled, and soon after `isCancelled` begins to say so.
    nonisolated func withStopFlag<Value: Sendable>(
        whether isCancelled: @escaping @Sendable () async -> Bool = { false },
        during body: (StopFlag) async throws -> Value
    ) async throws -> Value {
        let flag = StopFlag { [watchdog] in watchdog.pet() }
        let lookout = Task { [stop] in
            while !Task.isCancelled {
                if stop.isStopping {
                    flag.raise(Interruption.stopping)
                } else if await isCancelled() {
                    flag.raise(Interruption.cancelled)
                }
                try? await Task.sleep(for: .milliseconds(250))
            }
        }
        defer { lookout.cancel() }
        return try await withTaskCancellationHandler {
            try await body(flag)
        } onCancel: {
            flag.raise(Interruption.cancelled)
        }
    }

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
