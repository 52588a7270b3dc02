import Dispatch
import Synchronization

/// The answer of a task for a thread that waits for it.
private final class Answer<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let bell = DispatchSemaphore(value: 0)

    func set(_ value: Value) {
        self.value.withLock { $0 = value }
        bell.signal()
    }

    func wait() -> Value {
        bell.wait()
        guard let value = value.withLock({ $0 }) else { preconditionFailure("the bell rings after the value is set") }
        return value
    }
}

/// Runs `body` on the cooperative pool and blocks the calling thread until it answers.
///
/// Only for the threads of the control socket, which are not the pool's: on one of those this could wait for ever.
func awaitBlocking<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
    let answer = Answer<Value>()
    Task.detached { answer.set(await body()) }
    return answer.wait()
}
