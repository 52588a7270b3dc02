import Jobs

/// The measured costs of every member on this host.
public struct CostModel: Equatable, Codable, Sendable {
    /// One entry a model and precision.
    public private(set) var members: [MemberCosts]

    /// A later entry of the same member replaces an earlier one.
    public init(_ members: [MemberCosts] = []) {
        self.members = []
        for member in members { update(member) }
    }

    /// The costs of a member, if it was measured.
    public subscript(modelIdentity: String, precision: Precision) -> MemberCosts? {
        members.first { $0.modelIdentity == modelIdentity && $0.precision == precision }
    }

    /// Adds a member, or replaces what was known of it.
    public mutating func update(_ costs: MemberCosts) {
        members.removeAll { $0.modelIdentity == costs.modelIdentity && $0.precision == costs.precision }
        members.append(costs)
    }

    /// Where the database keeps a member's costs: another host or another kernel table finds nothing there.
    public static func key(host: HostProfile, modelIdentity: String, precision: Precision) -> String {
        "\(host.fingerprint)/\(modelIdentity)/\(precision.rawValue)"
    }
}
