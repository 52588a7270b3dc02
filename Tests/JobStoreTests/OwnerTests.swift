import GRDB
import JobStore
import Jobs
import Testing

/// Whose a job is, and what that means for its id.
struct OwnerTests {
    private let queue: TestQueue
    private let store: JobStore

    init() throws {
        queue = try TestQueue()
        store = try queue.open()
    }

    private func hand(
        in text: String, by owner: UInt32?, number: UInt32, as file: String = "f.json"
    ) async throws -> InsertionOutcome.Entry {
        let outcome = try await store.insert(submission(number, file, text, owner: owner), at: time(0))
        return try #require(outcome.jobs.first)
    }

    @Test func `The same id of two users is two jobs, and of one user it is one`() async throws {
        let text = #"{"prompt": "a", "id": "mine"}"#
        let first = try await hand(in: text, by: 1001, number: 1)
        let second = try await hand(in: text, by: 1002, number: 2)
        #expect(first.isNew && second.isNew)
        #expect((first.job.id.rawValue, first.job.owner) == ("mine", 1001))
        #expect((second.job.id.rawValue, second.job.owner) == ("mine-1002", 1002))
        for (owner, entry) in [(1001, first), (1002, second)] as [(UInt32, InsertionOutcome.Entry)] {
            let again = try await hand(in: text, by: owner, number: 10 + owner)
            #expect(!again.isNew)
            #expect(again.job == entry.job)
            #expect(try await store.job(called: "mine", by: owner) == entry.job)
        }
        #expect(try await store.job(called: "mine", by: 7) == first.job)
        #expect(try await store.job(called: "mine-1002", by: 7) == second.job)
        #expect(try await store.list().count == 2)
    }

    @Test func `Nobody can take another's id first, not even the one that is made of it`() async throws {
        let long = String(repeating: "x", count: 64)
        _ = try await hand(in: #"{"prompt": "a", "id": "\#(long)"}"#, by: 1001, number: 1)
        let made = String(repeating: "x", count: 59) + "-1002"
        _ = try await hand(in: #"{"prompt": "a", "id": "\#(made)"}"#, by: 1001, number: 2)
        let job = try await hand(in: #"{"prompt": "a", "id": "\#(long)"}"#, by: 1002, number: 3).job
        #expect(job.id.rawValue == String(repeating: "x", count: 57) + "-1002-2")
        #expect(try await store.job(called: long, by: 1002) == job)
        // Nor can the mark of an intake be taken, which is the id of a job that says none.
        let mark = intake(4).rawValue
        _ = try await hand(in: #"{"prompt": "a", "id": "\#(mark)"}"#, by: 1001, number: 5)
        let unnamed = try await hand(in: #"{"prompt": "b"}"#, by: 1002, number: 4)
        #expect(unnamed.isNew)
        #expect(unnamed.job.owner == 1002)
    }

    @Test func `Ids of jobs without an owner are everybody's, as they were`() async throws {
        let text = #"{"prompt": "a", "id": "old"}"#
        let old = try await hand(in: text, by: nil, number: 1)
        let again = try await hand(in: text, by: 1001, number: 2)
        #expect(!again.isNew)
        #expect(again.job == old.job)
    }

    @Test func `A job is found by its name among thousands without reading them`() async throws {
        let lines = (0..<2000).map { #"{"prompt": "\#($0)"}"# }.joined(separator: "\n")
        _ = try await store.insert(submission(1, "many.jsonl", lines, owner: 5), at: time(0))
        #expect(try await store.job(called: "many-3", by: 6)?.request.prompt == "2")
        #expect(try await store.job(called: "many-2001", by: 6) == nil)
        try store.close()
        for condition in ["name = 'x'", "id = 'x'", "coalesce(own_id, id) = 'x' AND coalesce(owner, -1) = 5"] {
            let plan = try await DatabaseQueue(path: queue.path).read { db in
                try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN SELECT * FROM job WHERE \(condition)")
                    .map { row -> String in row["detail"] }
            }
            #expect(plan.allSatisfy { $0.hasPrefix("SEARCH job USING") }, "\(plan)")
        }
    }

    @Test func `A page holds what its bytes allow, and the pages together are the list`() async throws {
        for number in 0..<40 as Range<UInt32> {
            let prompt = String(repeating: "\u{1F34E}", count: number % 7 == 0 ? 10 : 10_000)
            _ = try await hand(in: #"{"prompt": "\#(prompt)"}"#, by: 1, number: number)
        }
        let filter = JobFilter(states: [.queued], limit: 35, maximumBytes: 100_000)
        var (listed, pages, next) = ([Job](), 0, Int64?.none)
        repeat {
            let page = try await store.page(
                JobFilter(states: [.queued], limit: 35 - listed.count, before: next, maximumBytes: filter.maximumBytes))
            #expect(page.jobs.map { $0.request.json.description.utf8.count }.reduce(0, +) <= 100_000)
            #expect(!page.jobs.isEmpty)
            listed += page.jobs
            (pages, next) = (pages + 1, page.next)
        } while next != nil && listed.count < 35
        #expect(pages > 10)
        #expect(listed == (try await store.list(JobFilter(states: [.queued], limit: 35))))
        let rest = try await store.page(JobFilter(limit: 100, before: next))
        #expect(rest.jobs.count == 5)
        #expect(rest.next == nil)
        // A job that is larger than a page is one all the same.
        let single = try await store.page(JobFilter(limit: 100, maximumBytes: 1))
        #expect(single.jobs.count == 1)
        #expect(single.next != nil)
    }
}
