import SystemPackage

/// A name seen in `incoming/` whose file is whole. It may be anything: what lies there is looked at when it is taken.
public struct SpoolEntry: Hashable, Sendable, CustomStringConvertible {
    /// The name, byte for byte.
    public let name: FilePath.Component

    /// The entry called `name`.
    public init(name: FilePath.Component) { self.name = name }

    /// The name for a line of a log.
    public var description: String { FilePath.shown(name.string) }
}
