import SystemPackage

/// Files in `incoming/` that have to look the same for a while: those of other users with nobody known to have closed them, and
/// those that are no jobs by their names. A value that is told the time, so that it can be tested without any.
package struct Settling: Sendable {
    /// How a file looks from outside.
    package struct Appearance: Equatable, Sendable {
        package var inode: UInt64
        package var size: Int64
        package var modified: Duration
        package var changed: Duration

        package init(inode: UInt64, size: Int64, modified: Duration, changed: Duration) {
            self.inode = inode
            self.size = size
            self.modified = modified
            self.changed = changed
        }
    }

    private struct Sighting {
        var appearance: Appearance
        var since: ContinuousClock.Instant
    }

    /// How long a file must not change; may be set anew at any time.
    package var interval: Duration
    private let capacity: Int
    private var sightings: [FilePath.Component: Sighting] = [:]

    /// Files settle when they do not change for `interval`. At most `capacity` are followed at a time; the others are taken note
    /// of when they are looked at again.
    package init(interval: Duration, capacity: Int = .max) {
        self.interval = interval
        self.capacity = capacity
    }

    /// When the next file may have settled; nil when none is waited for.
    package var nextLook: ContinuousClock.Instant? { sightings.values.map(\.since).min()?.advanced(by: interval) }

    /// The files that may have settled by `now`.
    package func due(at now: ContinuousClock.Instant) -> [FilePath.Component] {
        sightings.filter { $0.value.since.advanced(by: interval) <= now }.map(\.key)
    }

    /// The file `name` looks like this now. Answers whether it has settled, and then forgets it.
    package mutating func look(
        at name: FilePath.Component, _ appearance: Appearance, now: ContinuousClock.Instant
    ) -> Bool {
        guard let sighting = sightings[name], sighting.appearance == appearance else {
            if sightings[name] != nil || sightings.count < capacity {
                sightings[name] = Sighting(appearance: appearance, since: now)
            }
            return false
        }
        guard sighting.since.advanced(by: interval) <= now else { return false }
        sightings[name] = nil
        return true
    }

    /// The file `name` is gone, or known to be whole.
    package mutating func forget(_ name: FilePath.Component) { sightings[name] = nil }
}
