import Spool
import SystemPackage
import Testing

struct SettlingTests {
    private let start = ContinuousClock.now
    private let seen = Settling.Appearance(inode: 1, size: 2, modified: .seconds(3), changed: .seconds(4))

    private func after(_ seconds: Double) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    @Test func `A file that stays the same for the interval has settled, once`() {
        var settling = Settling(interval: .seconds(2))
        #expect(settling.nextLook == nil)
        #expect(settling.look(at: "a", seen, now: after(0)) == false)
        #expect(settling.look(at: "a", seen, now: after(1.9)) == false)
        #expect(settling.nextLook == after(2))
        #expect(settling.due(at: after(1.9)).isEmpty)
        #expect(settling.due(at: after(2)) == ["a"])
        #expect(settling.look(at: "a", seen, now: after(2)) == true)
        #expect(settling.nextLook == nil)
    }

    @Test(
        arguments: [
            \Settling.Appearance.size, \Settling.Appearance.inodeAsInteger, \.modifiedSeconds, \.changedSeconds,
        ] as [WritableKeyPath<Settling.Appearance, Int64> & Sendable])
    func `Any change begins the interval again`(property: WritableKeyPath<Settling.Appearance, Int64> & Sendable) {
        var settling = Settling(interval: .seconds(2))
        #expect(settling.look(at: "a", seen, now: after(0)) == false)
        var other = seen
        other[keyPath: property] += 1
        #expect(settling.look(at: "a", other, now: after(1.5)) == false)
        #expect(settling.look(at: "a", other, now: after(3)) == false)
        #expect(settling.look(at: "a", other, now: after(3.5)) == true)
    }

    @Test func `What is gone is not waited for`() {
        var settling = Settling(interval: .seconds(2))
        #expect(settling.look(at: "a", seen, now: after(0)) == false)
        #expect(settling.look(at: "b", seen, now: after(1)) == false)
        settling.forget("a")
        #expect(settling.nextLook == after(3))
    }
}

extension Settling.Appearance {
    fileprivate var inodeAsInteger: Int64 {
        get { Int64(inode) }
        set { inode = UInt64(newValue) }
    }

    fileprivate var modifiedSeconds: Int64 {
        get { modified.components.seconds }
        set { modified = .seconds(newValue) }
    }

    fileprivate var changedSeconds: Int64 {
        get { changed.components.seconds }
        set { changed = .seconds(newValue) }
    }
}
