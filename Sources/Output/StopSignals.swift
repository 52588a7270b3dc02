import Foundation
import Synchronization

/// SIGTERM, SIGINT and SIGHUP of a command in the foreground: what is unfinished is removed first, and then the signal ends the process as
/// if nobody had waited for it. A signal that the caller ignores (`nohup`) stays ignored.
public final class StopSignals: Sendable {
    private let isCaught = Atomic<Bool>(false)

    /// Catches nothing yet.
    public init() {}

    /// Calls `body` on a thread of its own at the first of the signals. For one object of a process.
    public func clean(_ body: @escaping @Sendable () -> Void) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        signalPipe = ends[1]
        let thread = Thread { [self, descriptor = ends[0]] in
            var number: UInt8 = 0
            while read(descriptor, &number, 1) != 1 {}
            isCaught.store(true, ordering: .sequentiallyConsistent)
            // Whoever is in a hurry sends a second one.
            for number in Self.numbers where !Self.isIgnored(number) { signal(number, SIG_DFL) }
            body()
            raise(Int32(number))
            // The first process of a container does not die of signals.
            _exit(128 + Int32(number))
        }
        var waited = sigset_t()
        sigemptyset(&waited)
        for number in Self.numbers where !Self.isIgnored(number) {
            signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(signalPipe, &byte, 1)
            }
            sigaddset(&waited, number)
        }
        // A caller's thread may have blocked them, and the process has its mask; the new thread gets it from here.
        pthread_sigmask(SIG_UNBLOCK, &waited, nil)
        thread.start()
    }

    /// Does not return once a signal was caught: the process ends in a moment, and what it would say now is only a consequence.
    public func waitIfCaught() {
        while isCaught.load(ordering: .sequentiallyConsistent) { pause() }
    }

    private static let numbers = [SIGTERM, SIGINT, SIGHUP]

    private static func isIgnored(_ number: Int32) -> Bool {
        let previous = signal(number, SIG_IGN)
        signal(number, previous)
        return unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}

/// Where the handler of the signals, which may do next to nothing, writes their numbers. Written once, before there is a handler.
nonisolated(unsafe) private var signalPipe: Int32 = -1
