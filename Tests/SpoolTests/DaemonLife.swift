import Foundation
import JobStore
import Jobs
import Spool
import SystemPackage
import Testing

/// One life of a daemon over the real spool and the real queue, in steps after each of which it may die. The daemon's own
/// services do the same steps in the same order; here they are in a row, so that a test can stop between any two.
struct DaemonLife {
    private struct Death: Error {}

    private let spool: Spool
    private let store: JobStore
    private let limit: Int
    private let disk: SmallDisk?
    private var steps = 0
    /// How many steps found no room at first.
    private var delays = 0

    /// Lives until nothing is left to do, or dies after `limit` steps; answers how many it made.
    static func run(on test: TestSpool, dyingAfter limit: Int) async throws -> Int {
        let store = try JobStore.open(path: test.folder.appending(path: "queue.db").path)
        var life = DaemonLife(spool: try test.open(), store: store, limit: limit)
        do {
            try await life.recover()
            try await life.takeIn()
            try await life.work()
        } catch is Death {}
        return life.steps
    }

    /// Lives to the end on a disk that is full whenever a step begins, and has room again when the step has failed; answers how many
    /// steps there were, and how many of them failed at first.
    static func run(on test: TestSpool, filling disk: SmallDisk) async throws -> (steps: Int, delays: Int) {
        let store = try JobStore.open(path: test.folder.appending(path: "queue.db").path)
        var life = DaemonLife(spool: try test.open(), store: store, limit: .max, disk: disk)
        try await life.recover()
        try await life.takeIn()
        try await life.work()
        return (life.steps, life.delays)
    }

    private init(spool: Spool, store: JobStore, limit: Int, disk: SmallDisk? = nil) {
        (self.spool, self.store, self.limit, self.disk) = (spool, store, limit, disk)
    }

    private mutating func step<Value>(_ body: () async throws -> Value) async throws -> Value {
        guard steps < limit else { throw Death() }
        steps += 1
        guard let disk else { return try await body() }
        disk.fill()
        defer { disk.makeRoom() }
        do {
            return try await body()
        } catch {
            let isTransient = (error as? SpoolError)?.isTransient ?? (error as? JobStoreError)?.isTransient ?? false
            #expect(isTransient, "step \(steps): \(error)")
            delays += 1
            disk.makeRoom()
            return try await body()
        }
    }

    private mutating func recover() async throws {
        for job in try await store.running() {
            let isDone = spool.hasResult(job.name, for: job.id)
            _ = try await step { [store] in
                isDone ? try await store.finish(job.id, at: time(9)) : try await store.requeue(job.id, at: time(9))
            }
        }
        for file in try spool.takenFiles() { try await bringIn(file) }
    }

    private mutating func takeIn() async throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: spool.path(.incoming).string)
        for name in names.sorted() {
            let entry = try entry(name)
            let mark = IntakeID(time: time(0), entropy: .random(in: 0...UInt32.max))
            guard let file = try await step({ [spool] in try spool.take(entry, as: mark) }) else { continue }
            try await bringIn(file)
        }
    }

    private mutating func bringIn(_ file: TakenFile) async throws {
        let outcome = try await step { [store, spool] in
            try await store.insert(file.submission, at: time(1)) { spool.isOccupied($0) }
        }
        for rejection in outcome.rejections {
            let original = try #require(file.submission.rejections.first { $0.source == rejection.source })
            try await step { [spool] in try spool.writeFailed(rejection, original, of: file, at: time(2)) }
        }
        try await step { [spool] in try spool.discard(file) }
    }

    private mutating func work() async throws {
        while let job = try await step({ [store] in try await store.claim(at: time(3)) }) {
            #expect(!spool.hasResult(job.name, for: job.id), "a job that is done is not painted again")
            let (picture, record) = (Array(job.request.prompt.utf8), Array(#"{"id": "\#(job.id)"}"#.utf8))
            for resultStep in ResultStep.allCases {
                try await step { [spool] in try spool.perform(resultStep, job.name, picture: picture, record: record) }
            }
            _ = try await step { [store] in try await store.finish(job.id, at: time(4)) }
        }
        // The claim that found nothing was no step.
        steps -= 1
    }
}
