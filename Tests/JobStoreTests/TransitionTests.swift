import JobStore
import Jobs
import Synchronization
import Testing

struct TransitionTests {
    private let queue: TestQueue
    private let store: JobStore

    init() throws {
        queue = try TestQueue()
        store = try queue.open()
    }

    /// A job that was led into `state` by legal steps.
    private func job(in state: JobState) async throws -> JobID {
        let job = try await store.add("job-\(state)-\(Int.random(in: 0..<Int.max))")
        switch state {
        case .queued: break
        case .running: _ = try await store.claimed()
        case .succeeded:
            _ = try await store.claimed()
            try await store.finish(job.id, at: time(2))
        case .failed:
            _ = try await store.claimed()
            try await store.fail(job.id, refusal, at: time(2))
        case .cancelled: try await store.cancel(job.id, at: time(2))
        }
        #expect(try await store.job(job.id)?.state == state)
        return job.id
    }

    @Test(arguments: JobState.allCases)
    func `The database allows what the state allows, and nothing else`(state: JobState) async throws {
        typealias Step = @Sendable (JobID) async throws -> Job
        let steps: [(JobState.Event, Step)] = [
            (.finish, { [store] in try await store.finish($0, at: time(3)) }),
            (.fail(.permanent), { [store] in try await store.fail($0, refusal, at: time(3)) }),
            (.fail(.transient), { [store] in try await store.fail($0, crash, at: time(3)) }),
            (.orphan, { [store] in try await store.requeue($0, at: time(3)) }),
            (.release, { [store] in try await store.release($0, at: time(3)) }),
            (.cancel, { [store] in try await store.confirmCancel($0, at: time(3)) }),
            (.retry, { [store] in try await store.retry($0, at: time(3)) }),
        ]
        for (event, step) in steps {
            let id = try await job(in: state)
            let before = try await store.job(id)
            if let next = try? state.applying(event) {
                let after = try await step(id)
                #expect(after.state == next)
                #expect(try await store.job(id) == after)
                #expect((after.finishedAt != nil) == next.isFinal)
                if next == .queued { try await store.cancel(id, at: time(4)) }
            } else {
                let error = await #expect(throws: JobStoreError.self) { try await step(id) }
                guard case .illegalTransition(id, let transition)? = error else { throw error ?? .noSuchJob(id) }
                #expect(transition.from == state)
                #expect(try await store.job(id) == before)
                if state == .queued { try await store.cancel(id, at: time(4)) }
            }
        }
    }

    @Test func `A job that is unknown is an error that names it`() async throws {
        let error = await #expect(throws: JobStoreError.self) { try await store.finish(id("nobody"), at: time(0)) }
        #expect(error?.description == "there is no job nobody")
        #expect(try await store.job(id("nobody")) == nil)
    }

    @Test func `The claim takes by priority, then deadline, then age`() async throws {
        try await store.add("old")
        try await store.add("late", #""deadline": "2031-01-01T00:00:00Z""#)
        try await store.add("soon", #""deadline": "2030-01-01T00:00:00Z""#)
        try await store.add("low", #""priority": -1, "deadline": "2029-01-01T00:00:00Z""#)
        try await store.add("high", #""priority": 5"#)
        try await store.add("young")
        var order: [String] = []
        while let job = try await store.claim(at: time(1)) { order.append(job.id.rawValue) }
        #expect(order == ["high", "soon", "late", "old", "young", "low"])
    }

    @Test func `Attempts are counted at the claim, kept by a crash and given back by a release`() async throws {
        let job = try await store.add("a")
        #expect(try await store.claimed().attempts == 1)
        #expect(try await store.requeue(job.id, at: time(2)).attempts == 1)
        #expect(try await store.claimed().attempts == 2)
        #expect(try await store.release(job.id, at: time(3)).attempts == 1)
        #expect(try await store.claimed().attempts == 2)
        let failed = try await store.fail(job.id, crash, at: time(4))
        #expect((failed.state, failed.attempts, failed.failure) == (.queued, 2, crash))
        _ = try await store.claimed()
        let over = try await store.fail(job.id, refusal, at: time(5))
        #expect((over.state, over.attempts, over.failure, over.finishedAt) == (.failed, 3, refusal, time(5)))
        let retried = try await store.retry(job.id, at: time(6))
        #expect((retried.state, retried.attempts, retried.failure, retried.startedAt) == (.queued, 0, nil, nil))
        #expect(retried.seed == job.seed)
        _ = try await store.claimed()
        #expect(try await store.finish(job.id, at: time(7)).failure == nil)
    }

    @Test func `One of many claimers gets a job`() async throws {
        for number in 0..<10 { try await store.add("job-\(number)") }
        let claims = try await withThrowingTaskGroup(of: Job?.self) { group in
            for _ in 0..<30 { group.addTask { [store] in try await store.claim(at: time(1)) } }
            return try await group.reduce(into: []) { $0.append($1) }.compactMap { $0 }
        }
        #expect(claims.count == 10)
        #expect(Set(claims.map(\.id)).count == 10)
    }

    @Test func `A running job that is cancelled runs until the worker has seen it`() async throws {
        let job = try await store.add("a")
        _ = try await store.claimed()
        #expect(try !store.isCancelRequested(job.id))
        let asked = try await store.cancel(job.id, at: time(2))
        #expect((asked.state, asked.isCancelRequested) == (.running, true))
        #expect(try store.isCancelRequested(job.id))
        let over = try await store.confirmCancel(job.id, at: time(3))
        #expect((over.state, over.isCancelRequested, over.finishedAt) == (.cancelled, false, time(3)))
        #expect(try await store.retry(job.id, at: time(4)).state == .queued)
    }

    @Test func `A job that finishes before it hears of its cancelling has succeeded`() async throws {
        let job = try await store.add("a")
        _ = try await store.claimed()
        try await store.cancel(job.id, at: time(2))
        let over = try await store.finish(job.id, at: time(3))
        #expect((over.state, over.isCancelRequested) == (.succeeded, false))
    }

    @Test func `A cancelled job does not go back into the queue by any way`() async throws {
        let ways: [@Sendable (JobID) async throws -> Job] = [
            { [store] in try await store.requeue($0, at: time(3)) },
            { [store] in try await store.release($0, at: time(3)) },
            { [store] in try await store.fail($0, crash, at: time(3)) },
        ]
        for (number, way) in ways.enumerated() {
            let job = try await store.add("job-\(number)")
            _ = try await store.claimed()
            try await store.cancel(job.id, at: time(2))
            #expect(try await way(job.id).state == .cancelled)
        }
        #expect(try await store.claim(at: time(4)) == nil)
    }

    @Test func `A paused queue gives nothing, after a restart too`() async throws {
        try await store.add("a")
        try await store.setPaused(true)
        try await store.setPaused(true)
        #expect(try await store.claim(at: time(1)) == nil)
        #expect(try await store.isPaused())
        try await store.setPaused(false)
        #expect(try await store.claim(at: time(1))?.id.rawValue == "a")
    }

    @Test func `A stopping daemon's task still gives its job back`() async throws {
        let job = try await store.add("a")
        _ = try await store.claimed()
        let task = Task { [store] in
            withUnsafeCurrentTask { $0?.cancel() }
            return try await store.release(job.id, at: time(2)).state
        }
        #expect(try await task.value == .queued)
    }

    @Test func `Whoever waits for work hears of every way into the queue`() async throws {
        var wakeUps = store.claimable().makeAsyncIterator()
        await wakeUps.next()
        let job = try await store.add("a")
        await wakeUps.next()
        _ = try await store.claimed()
        try await store.requeue(job.id, at: time(2))
        await wakeUps.next()
        try await store.cancel(job.id, at: time(3))
        try await store.retry(job.id, at: time(4))
        await wakeUps.next()
        try await store.setPaused(false)
        await wakeUps.next()
    }

    @Test func `Changes are told in their order, before whoever made them goes on`() async throws {
        let told = Mutex<[JobChange]>([])
        store.onChange { changes in told.withLock { $0 += changes } }
        let job = try await store.add("a")
        #expect(told.withLock { $0.map(\.id) } == [job.id])
        _ = try await store.claimed()
        try await store.finish(job.id, at: time(2))
        #expect(told.withLock { $0.map(\.state) } == [.queued, .running, .succeeded])
    }

    @Test func `Of ten thousand changes at once none is lost`() async throws {
        let told = Mutex<Set<JobID>>([])
        store.onChange { changes in told.withLock { $0.formUnion(changes.map(\.id)) } }
        let lines = (0..<10_000).map { #"{"prompt":"p","id":"job-\#($0)"}"# }.joined(separator: "\n")
        let outcome = try await store.insert(submission(7, "many.jsonl", lines), at: time(0))
        #expect(outcome.jobs.count == 10_000)
        #expect(told.withLock { $0 } == Set(outcome.jobs.map(\.job.id)))
    }
}
