import JobStore
import Jobs
import Logging
import Planner
import Settings

/// Makes plans from what is known now: the models on the shelf, the costs in the database, the settings in force.
struct Planning: Sendable {
    let host: HostProfile
    let shelf: ModelShelf
    let store: JobStore
    let settings: LiveSettings

    /// How `request` would be done now. Measures nothing.
    ///
    /// A job without a budget gets the one of the settings.
    func plan(_ request: JobRequest, loaded: Planner.Member? = nil) async throws -> Plan {
        let models = shelf.usable
        let settings = settings.current
        let planner = Planner(
            host: host, models: models, costs: try await costs(of: models),
            memoryLimitBytes: settings.memoryLimit.bytes(of: host.grantedMemoryBytes), loaded: loaded)
        return try planner.plan(withDefaults(request), now: .now)
    }

    /// The members that a plan for `request` needs and that were never measured here; none when no time was asked for.
    func unmeasured(for request: JobRequest) async throws -> [Planner.Member] {
        let request = withDefaults(request)
        guard request.latencyBudget != nil || request.deadline != nil else { return [] }
        let models = shelf.usable
        let family = models.first?.family
        let eligible = models.filter { request.model.map { name in $0.name == name } ?? ($0.family == family) }
        let costs = try await costs(of: eligible)
        return eligible.flatMap { model in
            model.precisions.filter { costs[model.sha256, $0] == nil }
                .map { Planner.Member(modelSHA256: model.sha256, precision: $0) }
        }
    }

    /// What is known of the costs of `models` on this host.
    func costs(of models: [ModelFacts]) async throws -> CostModel {
        var costs = CostModel()
        for model in models {
            for precision in model.precisions {
                let key = CostModel.key(host: host, modelSHA256: model.sha256, precision: precision)
                guard let json = try await store.calibration(key: key) else { continue }
                if let known = MemberCosts(json: json) { costs.update(known) }
            }
        }
        return costs
    }

    /// Keeps what was measured.
    func save(_ costs: MemberCosts) async throws {
        let key = CostModel.key(host: host, modelSHA256: costs.modelSHA256, precision: costs.precision)
        try await store.saveCalibration(key: key, json: costs.json, at: .now)
    }

    private func withDefaults(_ request: JobRequest) -> JobRequest {
        guard request.latencyBudget == nil, request.deadline == nil else { return request }
        var request = request
        request.latencyBudget = settings.current.defaultLatencyBudget
        return request
    }
}
