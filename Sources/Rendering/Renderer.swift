import struct Compute.BLAS
import enum Compute.ComputeError
import struct Compute.KernelTable
import class Compute.StopFlag
import enum Compute.WeightPrecision
import Diffusion
import Images
import Jobs
import Models
import Planner

/// Makes pictures, one at a time, and learns what they cost.
///
/// Owned by one thread, on which everything runs. Keeps the last model loaded; another one takes its place. The same request,
/// seed and plan give the same pixels on the same host whoever asks: `latentd render` and the daemon's worker both do so here.
public final class Renderer {
    /// The models that can be used.
    public private(set) var catalog: ModelCatalog
    /// What is known of their costs; grows with every picture.
    public internal(set) var costs: CostModel
    /// Where it runs.
    public let host: HostProfile
    /// The settings that it was given.
    public private(set) var options: Options

    /// The precisions that this CPU has no instructions for.
    let slowPrecisions: Set<Precision>

    /// The keys of the members that could not be measured within the memory limit.
    var tooLarge: Set<String> = []

    /// Ends the work of the job at hand where somebody raises it, and hears of what is loaded, laid out and hashed. Set before a job's
    /// first call, nil after its last.
    public var stop: StopFlag? {
        didSet { loaded?.pipeline.stop = stop }
    }

    private var loaded: Loaded?
    let digests: DigestCache
    /// Where weights that were laid out for the kernels are kept; nil lays them out in private memory.
    private let prepared: PreparedStore?
    /// Resident memory of the process without any model: the part of a peak that is not the picture's.
    let baselineBytes: Int
    /// The limit as it was when the options came into force: what is refused below it may be had later.
    private var grantedBytes = 0

    /// What the settings decide.
    public struct Options: Sendable {
        /// Threads that compute; 0 leaves it to the host.
        public var threads: Int
        /// The memory that the process may take for a job, asked at the start of every job and stage; nil for what the control
        /// groups grant, else 60 % of the memory.
        public var memoryLimit: (@Sendable () -> Int)?
        /// Where what takes long to find out is kept between processes; may be deleted at any time. Nil keeps nothing.
        public var cacheDirectory: String?
        /// The version of latentd, for pictures and records.
        public var version: String
        /// Receives a sentence for the log about what the cache could not do.
        public var report: @Sendable (String) -> Void

        /// Names them all.
        public init(
            threads: Int = 0, memoryLimit: (@Sendable () -> Int)? = nil, cacheDirectory: String? = nil,
            version: String, report: @escaping @Sendable (String) -> Void = { _ in }
        ) {
            self.threads = threads
            self.memoryLimit = memoryLimit
            self.cacheDirectory = cacheDirectory
            self.version = version
            self.report = report
        }
    }

    struct Loaded {
        let model: CatalogModel
        let precision: Precision
        let pipeline: Pipeline
    }

    /// A renderer without a model in memory. Chooses the kernels, and loads OpenBLAS: do it early in the process.
    public init(catalog: ModelCatalog, costs: CostModel = CostModel(), options: Options) throws(RenderingError) {
        ProcessMemory.returnWhatIsFreed()
        self.catalog = catalog
        self.costs = costs
        self.options = options
        digests = DigestCache(directory: options.cacheDirectory)
        prepared = options.cacheDirectory.map { PreparedStore(directory: "\($0)/prepared", report: options.report) }
        host = try Renderer.hostProfile(threads: options.threads)
        let table = try Renderer.kernels()
        slowPrecisions = Set(Precision.allCases.filter { !table.isNative(WeightPrecision($0)) })
        baselineBytes = (ProcessMemory.residentBytes ?? 0) + Renderer.growthBytes
        grantedBytes = memoryLimitBytes
    }

    /// What the process grows by with its first pictures and keeps: code that is touched, networks, headers, the daemon's own
    /// work for each job. Measured, 5.7 MiB after several.
    private static let growthBytes = 6 << 20

    /// The memory that the process may take for a job, now.
    var memoryLimitBytes: Int { memoryLimit() }

    var memoryLimit: @Sendable () -> Int {
        options.memoryLimit ?? { [host] in HostProbe().refreshed(host).defaultMemoryLimitBytes }
    }

    /// This host, with the kernels in use.
    public static func hostProfile(threads: Int) throws(RenderingError) -> HostProfile {
        let table = try kernels()
        do throws(ComputeError) {
            return HostProbe().profile(isa: table.name, blasCore: try BLAS.shared().coreName, pinnedThreads: threads)
        } catch {
            throw .host(error)
        }
    }

    private static func kernels() throws(RenderingError) -> KernelTable {
        do throws(ComputeError) { return try KernelTable.selected() } catch { throw .host(error) }
    }

    /// The planner as of now: a value that other threads may keep.
    public var planner: Planner {
        var models = catalog.facts
        if prepared != nil { for index in models.indices { models[index].weightBytes = [:] } }
        return Planner(
            host: host, models: models, costs: costs, memoryLimitBytes: memoryLimitBytes,
            baselineBytes: baselineBytes,
            loaded: loaded.map { .init(modelIdentity: $0.model.facts.identity, precision: $0.precision) },
            slowPrecisions: slowPrecisions)
    }

    /// Plans a job for now, by what is known of the costs.
    public func plan(
        _ request: JobRequest, initImage: InitImageFile? = nil, now: Timestamp
    ) throws(RenderingError) -> Plan {
        try plan(request, initImage, now: now, planner)
    }

    func plan(
        _ request: JobRequest, _ initImage: InitImageFile?, now: Timestamp, _ planner: Planner
    ) throws(RenderingError) -> Plan {
        if let problem = catalog.problem(of: request) { throw .unusableModel(problem.name, problem.error) }
        do throws(PlannerError) {
            return try planner.plan(request, initImage: initImage?.size, now: now)
        } catch {
            if case .insufficientMemory(_, _, _, let needed, let limit, isJobsOwn: false, _) = error,
                isWithdrawn(needed, request)
            {
                throw .memoryWithdrawn(neededBytes: needed, limitBytes: limit)
            }
            throw .plan(error)
        }
    }

    /// Other settings are in force, or the model directories were looked at again. A model that is loaded stays until another is
    /// needed or it changed.
    public func use(_ catalog: ModelCatalog, options: Options? = nil) {
        self.catalog = catalog
        if let options {
            self.options = options
            grantedBytes = memoryLimitBytes
            tooLarge = []
        }
        if let loaded, catalog[loaded.model.facts.name]?.facts.identity != loaded.model.facts.identity { unload() }
    }

    /// Whether a job that needs so much would fit into what was granted when the options came into force.
    func isWithdrawn(_ neededBytes: Int, _ request: JobRequest?) -> Bool {
        neededBytes <= min(grantedBytes, request?.maxMemory ?? .max)
    }

    /// Opens those models anew whose files are not what they were when they were looked at, so that a job uses, and names, what is
    /// there now. Called before a job's work begins.
    func noticeChanges() {
        catalog.refresh()
        guard let loaded else { return }
        let identity = catalog[loaded.model.facts.name]?.facts.identity
        if identity != loaded.model.facts.identity || loaded.pipeline.changedFile != nil { unload() }
    }

    /// Lets the loaded model go.
    public func unload() {
        loaded = nil
    }

    /// The memory that the process takes with the weights of a model's largest stage and no picture: prepared ones take none before
    /// they are read.
    func leastBytes(of model: CatalogModel, _ precision: Precision) -> Int {
        baselineBytes + (prepared == nil ? model.facts.weightBytes[precision] ?? 0 : 0)
    }

    /// The pipeline of a model, opened if it is not the last one used.
    func pipeline(of model: CatalogModel, _ precision: Precision) throws(RenderingError) -> Pipeline {
        if let loaded, loaded.model.facts.identity == model.facts.identity, loaded.precision == precision {
            return loaded.pipeline
        }
        let needed = leastBytes(of: model, precision)
        let limit = memoryLimitBytes
        guard needed <= limit else {
            throw .modelTooLarge(model.facts.name, precision, neededBytes: needed, limitBytes: limit)
        }
        // The old model goes first: two at once would be more than any plan said.
        unload()
        do throws(DiffusionError) {
            let pipeline = try Pipeline(
                folder: model.folder, precision: WeightPrecision(precision), store: prepared, threads: host.threads)
            pipeline.stop = stop
            loaded = Loaded(model: model, precision: precision, pipeline: pipeline)
            return pipeline
        } catch {
            throw RenderingError(error)
        }
    }
}
