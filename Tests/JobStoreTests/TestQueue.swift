import Foundation
import JobStore
import Jobs
import Testing

/// A queue in a folder of its own, which goes with the value.
final class TestQueue: Sendable {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "latentd-queue-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var path: String { folder.appending(path: "queue.db").path }

    func open() throws -> JobStore { try JobStore.open(path: path) }
}

func time(_ seconds: Int64) -> Timestamp { Timestamp(millisecondsSinceEpoch: 1_795_000_000_000 + seconds * 1000) }

func intake(_ number: UInt32) -> IntakeID { IntakeID(time: time(0), entropy: number) }

func submission(_ number: UInt32, _ file: String, _ text: String, owner: UInt32? = nil) -> Submission {
    Submission(intake: intake(number), fileName: file, bytes: Array(text.utf8), owner: owner)
}

func id(_ text: String) throws -> JobID { try #require(JobID(rawValue: text)) }

extension JobStore {
    /// Puts one job with this id into the queue.
    @discardableResult
    func add(_ id: String, _ fields: String = "", number: UInt32 = .random(in: 0...UInt32.max)) async throws -> Job {
        let text = #"{"prompt": "x", "id": "\#(id)"\#(fields.isEmpty ? "" : ", ")\#(fields)}"#
        let outcome = try await insert(submission(number, "\(id).json", text), at: time(0))
        return try #require(outcome.jobs.first).job
    }

    func claimed() async throws -> Job { try #require(try await claim(at: time(1))) }
}

let crash = JobFailure(kind: .transient, code: "test", message: "a test said so")
let refusal = JobFailure(kind: .permanent, code: "test", field: "prompt", message: "a test said so")
