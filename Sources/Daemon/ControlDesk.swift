import JSONText
import JobStore
import Jobs
import Rendering
import Spool
import Varlink

/// What the methods of `org.latentd` do.
struct ControlDesk: Sendable {
    let store: JobStore
    let spool: Spool
    let board: ProgressBoard
    let outlook: Outlook
    let inference: Inference
    let ledger: CostLedger
    let overview: Overview
    let authority: Authority
    /// For the files that are looked at between the queue's transactions. All others are read on the connections' own threads.
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

    /// Waits for `body` on this connection's thread; what it throws becomes the error reply.
    func answer<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws(CallError) -> Value {
        try awaitBlocking { await Self.outcome(of: body) }.get()
    }

    /// The same for what may take long: gives up when the caller does, or the server stops. The body's task is cancelled then.
    func answer<Value: Sendable>(
        _ caller: Caller, _ body: @escaping @Sendable () async throws -> Value
    ) throws(CallError) -> Value {
        let result: Result<Value, CallError>?
        do throws(VarlinkError) {
            result = try awaitBlocking(for: caller) { await Self.outcome(of: body) }
        } catch {
            throw .unavailable(error.description)
        }
        guard let result else { throw .unavailable("nobody waits for this any more") }
        return try result.get()
    }

    /// The job that a caller names, and the file that it begins with, read on this connection's thread.
    func read(_ job: JSONValue) throws(CallError) -> (request: JobRequest, initImage: InitImageFile?) {
        do {
            let request = try JobRequest(json: job)
            return (request, try spool.initImage(of: request))
        } catch {
            throw Self.reply(to: error)
        }
    }

    /// The job that `caller` calls so, or the one of that id or NAME.
    func find(_ reference: JobReference, for caller: PeerCredentials) async throws -> Job {
        guard let job = try await store.job(called: reference.id, by: caller.userID) else {
            throw CallError.jobNotFound(reference.id)
        }
        return job
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

    /// What `body` answers, or the error reply to what it throws.
    private static func outcome<Value>(of body: () async throws -> Value) async -> Result<Value, CallError> {
        do { return .success(try await body()) } catch { return .failure(reply(to: error)) }
    }

    private static func reply(to error: any Error) -> CallError {
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
