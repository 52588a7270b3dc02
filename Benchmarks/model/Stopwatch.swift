import Glibc

/// What time is counted: the wall's, or with a single thread this process's own, which a busy machine does not disturb.
struct Stopwatch {
    private let clock: clockid_t

    init(threads: Int) {
        clock = threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC
    }

    /// Seconds since some moment.
    var now: Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    func measure(_ body: () throws -> Void) rethrows -> Double {
        let start = now
        try body()
        return now - start
    }
}
