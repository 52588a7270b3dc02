import Foundation
import JobStore
import Jobs
import Spool
import SystemPackage

/// `swift run -c release benchmark-queue [FOLDER]`: how long the queue takes, on the disk that FOLDER is on.
@main
struct QueueBenchmark {
    private let store: JobStore
    private let spool: Spool
    private let clock = ContinuousClock()

    static func main() async throws {
        let base = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : NSTemporaryDirectory()
        let folder = URL(filePath: base).appending(path: "latentd-benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let benchmark = QueueBenchmark(
            store: try JobStore.open(path: folder.appending(path: "queue.db").path),
            spool: try Spool(root: FilePath(folder.appending(path: "spool").path), maximumFileSize: 1 << 20))
        print("insert one job:             ", try await benchmark.insertions(of: 1, times: 200))
        print("insert 1,000 jobs of a file:", try await benchmark.insertions(of: 1000, times: 10))
        print("claim, 10,000 in the queue: ", try await benchmark.claims(times: 200))
        print("drop to claim, file removed:", try await benchmark.passages(times: 200))
    }

    private func insertions(of count: Int, times: Int) async throws -> Figures {
        let job = #"{"prompt": "a red apple on a table", "latency_budget": "20s"}"#
        let text = Array(repeating: job, count: count).joined(separator: "\n")
        var figures = Figures()
        for _ in 0..<times {
            let submission = Submission(intake: mark(), fileName: "jobs.jsonl", bytes: Array(text.utf8))
            figures.add(try await clock.measure { _ = try await store.insert(submission, at: now()) })
        }
        return figures
    }

    private func claims(times: Int) async throws -> Figures {
        var figures = Figures()
        for _ in 0..<times { figures.add(try await clock.measure { _ = try await store.claim(at: now()) }) }
        return figures
    }

    /// From the client's call to the job in the worker's hands, through the folder, inotify and the queue.
    private func passages(times: Int) async throws -> Figures {
        var figures = Figures()
        var entries = try spool.incomingFiles().makeAsyncIterator()
        let folder = DropFolder(path: spool.path(.incoming))
        for _ in 0..<times {
            let start = clock.now
            let text = #"{"prompt": "a red apple on a table", "priority": 100}"#
            _ = try folder.drop(Array(text.utf8), as: ResultName(sanitizing: "job"), kind: .json)
            while let entry = try await entries.next() {
                guard let file = try spool.take(entry, as: mark()) else { continue }
                let outcome = try await store.insert(file.submission, at: now()) { spool.isOccupied($0) }
                _ = try await store.claim(at: now())
                try spool.conclude(file, rejections: outcome.rejections, at: now())
                break
            }
            figures.add(clock.now - start)
        }
        return figures
    }

    private func mark() -> IntakeID { IntakeID(time: now(), entropy: .random(in: 0...UInt32.max)) }

    private func now() -> Timestamp {
        Timestamp(millisecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1000))
    }
}

/// The middle, the slow end and the slowest of some measured times.
struct Figures: CustomStringConvertible {
    private var times: [Duration] = []

    mutating func add(_ time: Duration) { times.append(time) }

    var description: String {
        let sorted = times.sorted()
        let (median, late) = (sorted[sorted.count / 2], sorted[sorted.count * 95 / 100])
        return "median \(text(median)), 95 % \(text(late)), slowest \(text(sorted[sorted.count - 1]))"
    }

    private func text(_ time: Duration) -> String {
        let milliseconds = Double(time.components.seconds) * 1000 + Double(time.components.attoseconds) / 1e15
        return String(format: "%.2f ms", milliseconds)
    }
}
