import Daemon
import Foundation
import Testing

@Suite("A thread for disks")
struct DiskThreadTests {
    private struct Failure: Error, Equatable {}

    private func currentName() -> String? {
        let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
        return name?.trimmingCharacters(in: .newlines)
    }

    @Test("What blocks runs on the thread of that name, and no other, and its error comes back")
    func runs() async {
        let disk = DiskThread(name: "slow-disk")
        for _ in 0..<100 {
            let name = await disk.run { currentName() }
            #expect(name == "slow-disk")
        }
        await #expect(throws: Failure.self) { try await disk.run { () throws(Failure) in throw Failure() } }
    }
}
