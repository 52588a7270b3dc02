import Jobs
import Varlink

/// Follows one job to its end.
struct JobWatch: Sendable {
    private let daemon: DaemonClient
    private let printer: Printer

    /// Watches jobs of `daemon`; JSON printers get every change as a result.
    init(daemon: DaemonClient, printer: Printer) {
        self.daemon = daemon
        self.printer = printer
    }

    /// Shows the progress of `id` and prints how it ended. Throws when it failed or was cancelled.
    func run(_ id: String) throws(ClientError) {
        let job = try follow(id, printsChanges: printer.json)
        if !printer.json { try printer.result(job, text: job.picture ?? job.id.rawValue) }
    }

    /// The job after its end; throws when it failed or was cancelled.
    func follow(_ id: String, printsChanges: Bool = false) throws(ClientError) -> JobInfo {
        var bar = ProgressBar(printer: printer)
        var last: JobInfo?
        var failure: ClientError?
        try daemon.stream(Watch.self, JobReference(id: id)) { update in
            last = update.job
            guard printsChanges else {
                bar.show(update)
                return true
            }
            do throws(ClientError) { try printer.result(update, text: "") } catch { failure = error }
            return failure == nil
        }
        bar.end()
        if let failure { throw failure }
        guard let job = last else { throw .daemon(.disconnected) }
        switch job.state {
        case .succeeded: return job
        case .failed: throw .jobFailed(id: id, reason: job.failure?.message ?? "see \(job.record ?? "failed/")")
        case .cancelled: throw .jobCancelled(id: id)
        case .queued, .running: throw .daemon(.disconnected)
        }
    }
}
