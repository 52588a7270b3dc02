/// A method of an interface as a type: its name, what it takes, what it answers.
///
/// Conforming types are the only description of the wire that Swift code uses; the interface's text says the same to others,
/// and a test compares the two.
public protocol Method: Sendable {
    /// The parameters; every field is a key of the call's `parameters` object.
    associatedtype Parameters: Codable & Sendable
    /// The reply's `parameters` object.
    associatedtype Reply: Codable & Sendable
    /// The full name, `org.latentd.Show`.
    static var name: String { get }
    /// Whether it changes anything: such calls are only taken from peers that may control the daemon.
    static var mutates: Bool { get }
    /// Whether its reply may be long: such replies are made one at a time.
    static var isLarge: Bool { get }
}

extension Method {
    /// Most replies are short.
    public static var isLarge: Bool { false }
}

/// Parameters or a reply without any field.
public struct Nothing: Codable, Sendable, Equatable {
    /// The empty object.
    public init() {}
}
