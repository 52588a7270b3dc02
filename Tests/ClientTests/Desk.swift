import Client
import Foundation
import Glibc
import JSONText
import Jobs
import Output
import Planner
import Settings
import Synchronization
import SystemPackage
import Testing
import Varlink

/// A control socket in a folder of its own, served by the product's server, with a list of jobs behind it; and the verbs that call it.
final class Desk: Sendable {
    struct State {
        var jobs: [JobInfo] = []
        var isPaused = false
        /// What a job comes to while somebody watches it.
        var updates: [JobProgress] = []
        var isAdministrator = true
        /// How many jobs a page of the list has.
        var pageSize = 2
    }

    let layout: Layout
    let state = Mutex(State())
    let plan: Plan

    init() throws {
        let root = NSTemporaryDirectory() + "client-\(UUID().uuidString.prefix(8))"
        layout = Layout(root: FilePath(root))
        for folder in ["run", "spool/incoming", "etc"] {
            try FileManager.default.createDirectory(
                atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
        let json = """
            {"variant": {"model": "m", "precision": "int8", "steps": 4}, "width": 8, "height": 8, "guidance_scale": 1,
            "sampler": "ddim", "budget_seconds": 1, "memory_limit_bytes": 1048576, "stages": [], "candidates": [],
            "meets_budget": false, "explanation": "It takes too long.", "warnings": ["Half of it is left out."]}
            """
        plan = try JSONDecoder().decode(Plan.self, from: Data(json.utf8))
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    var root: String { layout.root?.string ?? "" }

    /// A job as a daemon tells of it.
    static func job(_ name: String, _ state: JobState = .queued, picture: String? = nil) throws -> JobInfo {
        JobInfo(
            id: try #require(JobID(rawValue: name)), name: ResultName(sanitizing: name), state: state, priority: 0,
            attempts: 1, seed: 7, createdAt: Timestamp(millisecondsSinceEpoch: 0), startedAt: nil, finishedAt: nil,
            failure: state == .failed ? JobFailure(kind: .permanent, code: "test", message: "no") : nil,
            request: .object([JSONValue.Member("prompt", .string("a \(name)"))]), picture: picture, record: nil)
    }

    /// Serves while `body` runs.
    func open(_ body: () async throws -> Void) async throws {
        let server = try Server(path: layout.controlSocket.string, router: router(), mode: 0o600)
        server.start()
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        await server.stop()
        try result.get()
    }

    /// What a verb printed, and what it threw.
    struct Run {
        let output: String
        let errors: String
        let error: ClientError?
    }

    /// Runs a verb whose results and notes go to files.
    func run(json: Bool = false, latentd: String? = nil, _ verb: (Verbs) throws(ClientError) -> Void) throws -> Run {
        let paths = ["output", "errors"].map { "\(root)/\($0)" }
        let descriptors = paths.map { Glibc.open($0, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600) }
        defer { for descriptor in descriptors { close(descriptor) } }
        let places = descriptors.map { OutputFile("/dev/fd/\($0)") }
        let printer = Printer(json: json, output: places[0], errors: places[1])
        var thrown: ClientError?
        do throws(ClientError) {
            try verb(Verbs(layout: layout, latentd: latentd, printer: printer))
        } catch {
            thrown = error
        }
        let texts = try paths.map { try String(contentsOfFile: $0, encoding: .utf8) }
        return Run(output: texts[0], errors: texts[1], error: thrown)
    }

    private func find(_ reference: JobReference) throws(CallError) -> JobInfo {
        guard let job = state.withLock({ $0.jobs.first { $0.id.rawValue == reference.id } }) else {
            throw .jobNotFound(reference.id)
        }
        return job
    }

    private func change(_ reference: JobReference, to new: JobState) throws(CallError) -> JobReply {
        var job = try find(reference)
        job.state = new
        state.withLock { [job] state in state.jobs = state.jobs.map { $0.id == job.id ? job : $0 } }
        return JobReply(job: job)
    }

    private func pause(_ isPaused: Bool) throws(CallError) -> Nothing {
        let mayDoIt = state.withLock { state in
            if state.isAdministrator { state.isPaused = isPaused }
            return state.isAdministrator
        }
        guard mayDoIt else { throw .notAllowed("only root may pause the queue") }
        return Nothing()
    }

    private func submit(_ parameters: Submit.Parameters) throws(CallError) -> Submit.Reply {
        let (plan, id) = (plan, parameters.job["id"]?.string ?? "job")
        if let known = try? find(JobReference(id: id)) { return .init(job: known, duplicate: true, plan: plan) }
        do {
            var job = try Self.job(id)
            job.name = ResultName(sanitizing: parameters.name ?? "job")
            job.request = parameters.job
            state.withLock { [job] in $0.jobs.append(job) }
            return .init(job: job, duplicate: false, plan: plan)
        } catch {
            throw .invalidJob(field: "id", message: "is no id")
        }
    }

    private func list(_ parameters: List.Parameters) -> List.Reply {
        let (all, size) = state.withLock { ($0.jobs, $0.pageSize) }
        let start = Int(parameters.before ?? 0)
        let wanted = all.filter { parameters.states?.contains($0.state) ?? true }.dropFirst(start)
        let page = Array(wanted.prefix(min(size, parameters.limit ?? 100)))
        return List.Reply(jobs: page, next: wanted.count > page.count ? Int64(start + page.count) : nil)
    }

    private func status() -> StatusInfo {
        let (jobs, isPaused) = state.withLock { ($0.jobs, $0.isPaused) }
        return StatusInfo(
            version: "1", processID: 2, uptimeSeconds: 3, spool: layout.spool.string, paused: isPaused, waitingFor: nil,
            counts: CountsInfo(queued: jobs.count, running: 0, succeeded: 0, failed: 0, cancelled: 0), running: nil,
            progress: nil, isa: "avx2", blasCore: "Haswell", residentBytes: 1 << 20)
    }

    private static var models: [ModelInfo] {
        let member = MemberInfo(precision: "int8", seconds: 1.5, peakBytes: 3 << 20, psnr: 36.44, quality: 90)
        return [
            ModelInfo(
                name: "m", family: "f", group: "g", path: "/m", problem: nil, bytes: 2 << 20, width: 8, height: 16,
                members: [member], steps: [4, 8], calibrated: true, licence: nil),
            ModelInfo(
                name: "x", family: nil, group: nil, path: "/x", problem: "it is broken", bytes: nil, width: nil,
                height: nil,
                members: [], steps: [], calibrated: false, licence: nil),
        ]
    }

    private func router() -> Router {
        var router = Router(identity: ServiceIdentity(vendor: "us", product: "test", version: "1", url: "none"))
        router.on(Status.self) { [self] _ throws(CallError) in status() }
        router.on(List.self) { [self] parameters throws(CallError) in list(parameters) }
        router.on(Show.self) { [self] reference throws(CallError) in
            JobProgress(job: try find(reference), progress: nil)
        }
        router.on(Cancel.self) { [self] reference throws(CallError) in try change(reference, to: .cancelled) }
        router.on(Retry.self) { [self] reference throws(CallError) in try change(reference, to: .queued) }
        router.on(Pause.self) { [self] _ throws(CallError) in try pause(true) }
        router.on(Resume.self) { [self] _ throws(CallError) in try pause(false) }
        router.on(Submit.self) { [self] parameters throws(CallError) in try submit(parameters) }
        router.on(PlanJob.self) { [self] _ throws(CallError) in PlanJob.Reply(plan: plan) }
        router.on(Models.self) { _ throws(CallError) in Models.Reply(models: Self.models) }
        router.on(Calibrate.self) { parameters throws(CallError) in
            Calibrate.Reply(calibrations: [
                CalibrationInfo(
                    model: parameters.model ?? "all", precision: "int8", textSeconds: 0.5, stepSeconds: 12,
                    decodeSeconds: 150, width: 8, height: 8)
            ])
        }
        router.stream(Watch.self) { [self] reference, stream in
            let updates = state.withLock { $0.updates }
            for update in updates.dropLast() { try stream.send(update) }
            guard let last = updates.last else { throw CallError.jobNotFound(reference.id) }
            return last
        }
        return router
    }
}
