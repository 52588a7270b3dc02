import Dispatch
import JSONText
import JobStore
import Jobs
import Planner
import Rendering
import ServiceLifecycle
import Spool
import Synchronization
import Varlink

/// The control socket: `org.latentd`, for `latentctl` and anybody who speaks Varlink.
struct Control: Service {
    private let server: Server

    /// Listens at `path`, for its user alone where the instance is private; callers are served once `run` begins.
    init(path: String, desk: ControlDesk) throws(VarlinkError) {
        server = try Server(path: path, router: desk.router(), mode: desk.authority.isPrivate ? 0o600 : 0o660)
    }

    /// Serves until the daemon stops.
    func run() async throws {
        server.start()
        try? await gracefulShutdown()
        await server.stop()
    }
}

/// What the methods of `org.latentd` do. They change nothing but through the store.
///
/// A method runs on its connection's own thread, which may block: files are read there, and so is what the system knows of users. What
/// is asynchronous goes through `answer`, whose body runs on the cooperative pool and must not touch a file.
struct ControlDesk: Sendable {
    let store: JobStore
    let spool: Spool
    let board: ProgressBoard
    let outlook: Outlook
    let inference: Inference
    let ledger: CostLedger
    let host: HostProfile
    let authority: Authority
    let clock: Clock
    /// When the daemon started, by `clock`.
    let start: Duration
    /// For the files that are looked at between the queue's transactions.
    let disk = DiskThread(name: "control-disk")

    /// The table of methods.
    func router() -> Router {
        var router = Router(
            identity: ServiceIdentity(
                vendor: "latentd", product: "latentd", version: Version.text, url: "https://latentd.org"))
        router.offer(interface: LatentdInterface.name, description: LatentdInterface.description)
        addQueueMethods(to: &router)
        addDaemonMethods(to: &router)
        addMonitors(to: &router)
        return router
    }

    /// Blocks this connection's thread until `body` ends; what it throws becomes the error reply.
    func answer<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws(CallError) -> Value {
        let answer = Answer<Value>(), bell = DispatchSemaphore(value: 0)
        Task.detached {
            await answer.set(body)
            bell.signal()
        }
        bell.wait()
        return try answer.get()
    }

    /// The same for what may take long: gives up as soon as the caller hangs up or the server stops. The body's task is cancelled then.
    func answer<Value: Sendable>(
        _ caller: Caller, _ body: @escaping @Sendable () async throws -> Value
    ) throws(CallError) -> Value {
        let answer = Answer<Value>(), bell: Wakeup
        do { bell = try Wakeup() } catch { throw .unavailable(error.description) }
        let task = Task.detached {
            await answer.set(body)
            bell.ring()
        }
        guard caller.wait(for: bell) else {
            task.cancel()
            throw .unavailable("nobody waits for this any more")
        }
        return try answer.get()
    }

    /// Runs `body` on this connection's thread; what it throws becomes the error reply.
    func answerHere<Value>(_ body: () throws -> Value) throws(CallError) -> Value {
        do { return try body() } catch { throw CallError(replyingTo: error) }
    }

    /// The job that a caller hands in, and the file that it begins with.
    func read(_ job: JSONValue) throws(CallError) -> (request: JobRequest, initImage: InitImageFile?) {
        try answerHere {
            let request = try JobRequest(json: job)
            return (request, try spool.initImage(of: request))
        }
    }

    /// The job that `caller` calls so, or the one of that id or NAME.
    func find(_ reference: JobReference, for caller: PeerCredentials) throws(CallError) -> Job {
        try answer {
            guard let job = try await store.job(called: reference.id, by: caller.userID) else {
                throw CallError.jobNotFound(reference.id)
            }
            return job
        }
    }

    /// The job as the wire has it.
    func info(_ job: Job) -> JobInfo {
        let folder: Spool.Folder? =
            switch job.state {
            case .succeeded: .done
            case .failed: .failed
            case .queued, .running, .cancelled: nil
            }
        return JobInfo(
            id: job.id, name: job.name, state: job.state, priority: job.request.priority, attempts: job.attempts,
            seed: job.seed, createdAt: job.createdAt, startedAt: job.startedAt, finishedAt: job.finishedAt,
            failure: job.failure, request: job.request.json,
            picture: folder == .done ? spool.path(.done).appending("\(job.name).webp").string : nil,
            record: folder.map { spool.path($0).appending("\(job.name).json").string }, owner: job.owner)
    }
}

/// What a task answers, for the thread that waits for it.
private final class Answer<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, CallError>?>(nil)

    func set(_ body: () async throws -> Value) async {
        let result: Result<Value, CallError>
        do { result = .success(try await body()) } catch { result = .failure(CallError(replyingTo: error)) }
        self.result.withLock { $0 = result }
    }

    func get() throws(CallError) -> Value {
        guard let result = result.withLock({ $0 }) else {
            preconditionFailure("the bell rings after the result is set")
        }
        return try result.get()
    }
}

extension CallError {
    /// The error reply that tells of `error`.
    fileprivate init(replyingTo error: any Error) {
        self =
            switch error {
            case let error as CallError: error
            case let error as JobError: .invalidJob(field: error.field, message: error.description)
            case let error as RenderingError where !error.isTransient:
                .invalidJob(field: error.field, message: error.description)
            case let error as UnreadableInitImage where !error.cause.isTransient:
                .invalidJob(field: error.failure.field, message: error.description)
            case JobStoreError.noSuchJob(let id): .jobNotFound(id.rawValue)
            case JobStoreError.illegalTransition(let id, let transition):
                .illegalTransition(id: id.rawValue, message: transition.description)
            case let error as JobStoreError where error.isTransient:
                .unavailable("\(error); nothing was changed, and it may be tried again when that has passed")
            default: .unavailable("\(error)")
            }
    }
}
