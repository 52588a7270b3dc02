import Foundation

/// Two threads add to one number without a lock: `Tests/sanitizers.sh` sees that the thread sanitizer reports it, whatever it is told to
/// pass over.
@main
struct Race {
    nonisolated(unsafe) static var sum = 0

    static func main() {
        let threads = (0..<2).map { _ in Thread { for _ in 0..<100_000 { sum += 1 } } }
        for thread in threads { thread.start() }
        while !threads.allSatisfy(\.isFinished) { usleep(1000) }
    }
}
