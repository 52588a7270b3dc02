import Foundation
import JobStore
import Jobs
import Planner

/// What pictures cost on this host, as the queue's database remembers it.
struct CostLedger: Sendable {
    let store: JobStore
    let host: HostProfile

    /// What is known of `models`. A form of another version counts as never measured.
    func costs(of models: [ModelFacts]) async throws(JobStoreError) -> CostModel {
        var costs = CostModel()
        for model in models {
            for precision in model.precisions {
                let key = CostModel.key(host: host, modelIdentity: model.identity, precision: precision)
                guard let json = try await store.calibration(key: key) else { continue }
                if let member = try? JSONDecoder().decode(MemberCosts.self, from: Data(json.utf8)) {
                    costs.update(member)
                }
            }
        }
        return costs
    }

    /// Keeps what was learned.
    func save(_ members: [MemberCosts]) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        for member in members {
            let key = CostModel.key(host: host, modelIdentity: member.modelIdentity, precision: member.precision)
            let json = String(decoding: try encoder.encode(member), as: UTF8.self)
            try await store.saveCalibration(key: key, json: json, at: .now)
        }
    }
}
