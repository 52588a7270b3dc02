import Dispatch
import Synchronization
import Varlink

/// The answer of a task for a thread that waits for it.
private final class Answer<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func set(_ value: Value) { self.value.withLock { $0 = value } }

    func get() -> Value {
        guard let value = value.withLock({ $0 }) else { preconditionFailure("the bell rings after the value is set") }
        return value
    }
}

/// Runs `body` on the cooperative pool and blocks the calling thread until it answers.
///
/// Only for the threads of the control socket, which are not the pool's: on one of those this could wait for ever.
func awaitBlocking<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
    let answer = Answer<Value>(), bell = DispatchSemaphore(value: 0)
    Task.detached {
        answer.set(await body())
        bell.signal()
    }
    bell.wait()
    return answer.get()
}

/// The same for what takes long: nil as soon as the caller hangs up or the server stops. `body`'s task is cancelled then, and ends when
/// it sees that.
func awaitBlocking<Value: Sendable>(
    for caller: Caller, _ body: @escaping @Sendable () async -> Value
) throws(VarlinkError) -> Value? {
    let answer = Answer<Value>(), bell = try Wakeup()
    let task = Task.detached {
        answer.set(await body())
        bell.ring()
    }
    guard caller.wait(for: bell) else {
        task.cancel()
        return nil
    }
    return answer.get()
}
