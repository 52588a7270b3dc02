import JobStore
import Jobs
import Testing

struct InsertionTests {
    private let queue: TestQueue
    private let store: JobStore

    init() throws {
        queue = try TestQueue()
        store = try queue.open()
    }

    @Test func `A job comes back as it was put in, after a restart too`() async throws {
        let text = """
            {"prompt": "ü 🍎", "seed": 18446744073709551615, "latency_budget": "1m30s", "deadline": "2030-01-01T00:00:00+01:00",
             "priority": -7, "output": {"name": "own", "lossless": true}}
            """
        let outcome = try await store.insert(submission(1, "a\nb.json", text), at: time(5))
        let job = try #require(outcome.jobs.first).job
        #expect(job.seed == .max)
        #expect(job.name.rawValue == "own")
        #expect((job.state, job.attempts, job.createdAt) == (.queued, 0, time(5)))
        #expect(try await store.job(job.id) == job)
        try store.close()
    }

    @Test func `Doing an insertion again changes nothing and answers the same`() async throws {
        let text = #"[{"prompt": "a"}, {"prompt": 7}, {"prompt": "b", "id": "mine"}, {"prompt": "c", "id": "mine"}]"#
        let first = try await store.insert(submission(1, "a.json", text), at: time(0))
        #expect(first.jobs.map(\.isNew) == [true, true, false])
        #expect(first.newRejectionCount == 1)
        let claimed = try await store.claimed()
        let second = try await store.insert(submission(1, "a.json", text), at: time(9))
        #expect(second.jobs.map(\.isNew) == [false, false, false])
        #expect(second.newRejectionCount == 0)
        #expect(second.rejections == first.rejections)
        #expect(second.jobs.map(\.job.id) == first.jobs.map(\.job.id))
        #expect(try await store.job(claimed.id) == claimed)
        #expect(try await store.list().count == 2)
    }

    @Test func `The same id in another file is the same job`() async throws {
        let first = try await store.add("mine", number: 1)
        let text = #"{"prompt": "other words", "id": "mine"}"#
        let second = try await store.insert(submission(2, "b.json", text), at: time(1))
        #expect(second.jobs.map(\.isNew) == [false])
        #expect(second.jobs.map(\.job) == [first])
    }

    @Test func `Equal wishes get names of their own, jobs and rejections alike`() async throws {
        var names: [String] = []
        for number in 1...3 as ClosedRange<UInt32> {
            let outcome = try await store.insert(submission(number, "cat.json", #"{"prompt": "x"}"#), at: time(0))
            names += outcome.jobs.map(\.job.name.rawValue)
        }
        names += try await store.insert(submission(4, "cat.json", "{"), at: time(0)).rejections.map(\.name.rawValue)
        let batch =
            #"[{"prompt": "x", "output": {"name": "cat~6"}}, {"prompt": "x", "output": {"name": "cat"}}, {"prompt": "x", "output": {"name": "cat"}}]"#
        names += try await store.insert(submission(5, "b.json", batch), at: time(0)).jobs.map(\.job.name.rawValue)
        #expect(names == ["cat", "cat~2", "cat~3", "cat~4", "cat~6", "cat~5", "cat~7"])
    }

    @Test func `A name whose files are there still is not given again`() async throws {
        let occupied: Set<String> = ["cat", "cat~2", "dog-1"]
        let text = #"[{"prompt": "x"}, {"prompt": "x"}, {"prompt": "x", "output": {"name": "cat"}}]"#
        let outcome = try await store.insert(submission(1, "dog.json", text), at: time(0)) {
            occupied.contains($0.rawValue)
        }
        #expect(outcome.jobs.map(\.job.name.rawValue) == ["dog-1~2", "dog-2", "cat~3"])
        // Once given it stays, however often the insertion is done again.
        let again = try await store.insert(submission(1, "dog.json", text), at: time(0)) { _ in true }
        #expect(again.jobs.map(\.job.name) == outcome.jobs.map(\.job.name))
    }

    @Test func `A thousand jobs of one file are all there, or none`() async throws {
        let lines = (0..<1000).map { #"{"prompt": "\#($0)"}"# }.joined(separator: "\n")
        let outcome = try await store.insert(submission(1, "many.jsonl", lines), at: time(0))
        #expect(outcome.jobs.count == 1000)
        #expect(try await store.counts()[.queued] == 1000)
        #expect(try await store.list(JobFilter(limit: 1)).first?.name.rawValue == "many-1000")
    }

    @Test func `Files that are inserted at once do not disturb each other`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 as Range<UInt32> {
                group.addTask { [store] in
                    _ = try await store.insert(submission(number, "same.json", #"{"prompt": "x"}"#), at: time(0))
                }
            }
            try await group.waitForAll()
        }
        #expect(try await Set(store.list().map(\.name)).count == 20)
    }
}
