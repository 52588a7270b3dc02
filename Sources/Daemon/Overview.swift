import Foundation
import JobStore
import Jobs
import Planner
import Varlink

/// The daemon at a glance, for `Status`.
struct Overview: Sendable {
    private let host: HostProfile
    private let start = ContinuousClock.now

    init(host: HostProfile) { self.host = host }

    /// The facts of this moment.
    func status(of desk: ControlDesk) async throws -> StatusInfo {
        let counts = try await desk.store.counts()
        var running: JobInfo?
        if let id = desk.board.running, let job = try await desk.store.job(id) { running = desk.info(job) }
        return StatusInfo(
            version: Version.text, processID: Int(getpid()), uptimeSeconds: (ContinuousClock.now - start).inSeconds,
            spool: desk.spool.root.string, paused: try await desk.store.isPaused(), waitingFor: desk.board.waitingFor,
            counts: CountsInfo(
                queued: counts[.queued] ?? 0, running: counts[.running] ?? 0, succeeded: counts[.succeeded] ?? 0,
                failed: counts[.failed] ?? 0, cancelled: counts[.cancelled] ?? 0),
            running: running, progress: running.flatMap { desk.board.progress(of: $0.id) }, isa: host.isa,
            blasCore: host.blasCore, residentBytes: Self.residentBytes)
    }

    /// The second field of `/proc/self/statm` is resident pages; 0 where there is no such file.
    private static var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
    }
}
