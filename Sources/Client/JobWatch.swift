import Foundation
import Jobs
import Varlink

/// Follows one job to its end. A printer of JSON gets every change as a result.
struct JobWatch: Sendable {
    let daemon: DaemonClient
    let printer: Printer

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

/// The line under `submit --wait`: what is being done, how far it is, and how long it will take.
///
///     owl  [########------------]  40 %  step 8/20  12 s left
///
/// On a terminal one line is rewritten; elsewhere a line appears when the stage changes, so that a log stays short.
struct ProgressBar {
    private let printer: Printer
    private var lastStage = ""
    private var width = 0

    /// A bar beside the results of `printer`.
    init(printer: Printer) { self.printer = printer }

    /// Shows how far `job` is.
    mutating func show(_ update: JobProgress) {
        let line = Self.line(update)
        if printer.isTerminal {
            let padding = String(repeating: " ", count: max(0, width - line.count))
            width = line.count
            printer.draw("\r" + line + padding)
        } else if update.progress?.stage ?? update.job.state.rawValue != lastStage {
            lastStage = update.progress?.stage ?? update.job.state.rawValue
            printer.draw(line + "\n")
        }
    }

    /// Ends the line.
    mutating func end() {
        if printer.isTerminal, width > 0 { printer.draw("\n") }
        width = 0
    }

    /// The text of the line.
    static func line(_ update: JobProgress) -> String {
        guard let progress = update.progress, update.job.state == .running else {
            return "\(update.job.name)  \(update.job.state.rawValue)"
        }
        let cells = 20
        let filled = Int((min(max(progress.fraction, 0), 1) * Double(cells)).rounded(.down))
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: cells - filled)
        let percent = String(format: "%3d %%", Int(min(max(progress.fraction, 0), 1) * 100))
        var parts = ["\(update.job.name)", "[\(bar)]", percent]
        parts.append(progress.stage == "denoising" ? "step \(progress.step)/\(progress.steps)" : progress.stage)
        if let remaining = progress.remainingSeconds { parts.append("\(secondsText(remaining)) left") }
        return parts.joined(separator: "  ")
    }
}
