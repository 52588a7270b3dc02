import Foundation
import JobStore
import Jobs
import Planner

/// What pictures cost on this host, as the queue's database remembers it.
///
/// What the database does not take for now is kept here, and handed to it again with what comes next.
actor CostLedger {
    private let store: JobStore
    private let host: HostProfile
    private let clock: Clock
    private var pending: [String: MemberCosts] = [:]

    init(store: JobStore, host: HostProfile, clock: Clock) {
        (self.store, self.host, self.clock) = (store, host, clock)
    }

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

    /// Keeps what was learned, and what could not be kept before. Answers whether all of it is on the disk now. An error that may pass is
    /// not thrown: costs are advice, and nobody should wait for them.
    @discardableResult
    func save(_ members: [MemberCosts]) async throws -> Bool {
        for member in members {
            let key = CostModel.key(host: host, modelIdentity: member.modelIdentity, precision: member.precision)
            pending[key] = member
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        for (key, member) in pending {
            do {
                let json = String(decoding: try encoder.encode(member), as: UTF8.self)
                try await store.saveCalibration(key: key, json: json, at: clock.now())
            } catch let error as JobStoreError where error.isTransient {
                return false
            } catch {
                // What cannot be written at all is not tried again.
                pending[key] = nil
                throw error
            }
            if pending[key] == member { pending[key] = nil }
        }
        return true
    }
}
