import Daemon
import Jobs
import Testing
import Varlink

@Suite("The board of what is going on")
struct ProgressBoardTests {
    private func id(_ number: Int) throws -> JobID { try #require(JobID(rawValue: "job-\(number)")) }

    @Test("A watcher that looks late hears of every one of ten thousand jobs, each once and in order")
    func losesNothing() throws {
        let board = ProgressBoard()
        let ids = try (0..<10_000).map(id)
        try board.withSubscription { subscription in
            for _ in 0..<2 { for id in ids { board.note(id) } }
            #expect(subscription.take() == ids)
            #expect(subscription.take().isEmpty)
            board.note(ids[7])
            #expect(subscription.take() == [ids[7]])
        }
    }

    @Test("Whoever watches one job is not told of others")
    func oneSubject() throws {
        let board = ProgressBoard()
        let mine = try id(1)
        try board.withSubscription(to: mine) { subscription in
            for number in 0..<10_000 { board.note(try id(number)) }
            #expect(subscription.take() == [mine])
        }
    }

    @Test("A job runs from its claim to its end, with or without progress")
    func running() throws {
        let board = ProgressBoard()
        let mine = try id(1)
        board.begin(mine)
        #expect(board.running == mine && board.progress(of: mine) == nil)
        board.clear()
        #expect(board.running == nil)
    }
}
