import Daemon
import Foundation
import Synchronization
import Testing

@Suite("The stop signal", .timeLimit(.minutes(1)))
struct StopSignalTests {
    /// A clock that stands still until it is told to go on.
    private final class Clock: Sendable {
        private let ticks = DispatchSemaphore(value: 0)
        private let asked = Mutex<[Duration]>([])

        var waits: [Duration] { asked.withLock { $0 } }

        @Sendable func wait(_ duration: Duration) {
            asked.withLock { $0.append(duration) }
            ticks.wait()
        }

        func goOn() { ticks.signal() }
    }

    @Test("A wait that ends before the limit leaves nothing behind")
    func forgets() async {
        let stop = StopSignal()
        for number in 0..<2000 {
            let answer = await stop.unless(.abandoned) { number }
            #expect(answer == number)
        }
        #expect(stop.listenerCount == 0)
    }

    @Test("What takes longer than the grace is left to itself, and what has time until the end is not")
    func limits() async {
        let clock = Clock(), stop = StopSignal(wait: clock.wait)
        let (never, end) = AsyncStream.makeStream(of: Void.self)
        async let step: Void? = stop.unless(.abandoned) { for await _ in never {} }
        async let rest: Void? = stop.unless(.overdue) { for await _ in never {} }
        stop.request()
        stop.request()
        #expect(stop.isStopping && !stop.isAbandoned)
        clock.goOn()
        #expect(await step == nil)
        #expect(stop.isAbandoned && !stop.isOverdue)
        clock.goOn()
        #expect(await rest == nil)
        #expect(stop.isOverdue && stop.listenerCount == 0)
        #expect(clock.waits == [StopSignal.grace, StopSignal.farewell])
        let late: Void? = await stop.unless(.overdue) { for await _ in never {} }
        #expect(late == nil)
        end.finish()
    }

    @Test("That the waiting task is cancelled does not give the work up")
    func cancellation() async {
        let stop = StopSignal(wait: { _ in })
        let (started, bell) = AsyncStream.makeStream(of: Void.self)
        let (permits, permit) = AsyncStream.makeStream(of: Void.self)
        let waiting = Task {
            await stop.unless(.abandoned) {
                bell.finish()
                for await _ in permits {}
                return "done"
            }
        }
        for await _ in started {}
        waiting.cancel()
        permit.finish()
        #expect(await waiting.value == "done")
    }
}
