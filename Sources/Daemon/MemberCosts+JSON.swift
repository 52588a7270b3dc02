import Foundation
import Planner

extension MemberCosts {
    /// The form in which the database keeps them.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let data = try? encoder.encode(self) else {
            preconditionFailure("measured costs are finite numbers")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Reads that form; nil for that of another version, which is measured again.
    init?(json: String) {
        guard let costs = try? JSONDecoder().decode(MemberCosts.self, from: Data(json.utf8)) else { return nil }
        self = costs
    }
}

extension HostProfile {
    /// The memory that this process may use at all: the control group's limit, or all of it.
    var grantedMemoryBytes: Int { cgroupMemoryBytes ?? memoryBytes }
}
