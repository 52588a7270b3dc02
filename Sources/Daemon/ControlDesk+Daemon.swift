import Jobs
import Planner
import Varlink

extension ControlDesk {
    func addDaemonMethods(to router: inout Router) {
        router.on(Status.self) { _ throws(CallError) in try answer { try await overview.status(of: self) } }
        router.on(Models.self) { _ throws(CallError) in
            try answer { Models.Reply(models: try await models()) }
        }
        router.on(PlanJob.self) { parameters throws(CallError) in
            try answer { PlanJob.Reply(plan: try await plan(parameters.job)) }
        }
        router.on(Calibrate.self) { parameters throws(CallError) in
            try answer { Calibrate.Reply(calibrations: try await calibrate(parameters.model)) }
        }
    }

    /// Measures first what was never measured, unless a picture is being made: that would wait for it.
    private func plan(_ job: JSONValue) async throws -> Plan {
        let request = try JobRequest(json: job)
        if board.running == nil {
            for member in try await planning.unmeasured(for: request) { try await measure(member) }
        }
        return try await planning.plan(request)
    }

    private func calibrate(_ name: String?) async throws -> [CalibrationInfo] {
        let models = planning.shelf.usable.filter { name == nil || $0.name == name }
        if models.isEmpty {
            throw CallError.unavailable(name.map { "there is no model \"\($0)\"" } ?? "no model is installed")
        }
        guard board.running == nil else {
            throw CallError.unavailable("a picture is being made; measure when the queue is idle")
        }
        var calibrations: [CalibrationInfo] = []
        for model in models {
            for precision in model.precisions {
                let costs = try await measure(Planner.Member(model: model, precision: precision))
                calibrations.append(CalibrationInfo(model: model, costs: costs))
            }
        }
        return calibrations
    }

    @discardableResult
    private func measure(_ member: Planner.Member) async throws -> MemberCosts {
        let costs = try await inference.calibrate(member) {}
        try await planning.save(costs)
        return costs
    }

    private func models() async throws -> [ModelInfo] {
        let catalog = planning.shelf.current
        let costs = try await planning.costs(of: catalog.facts)
        let usable = catalog.models.map { model in
            let facts = model.facts
            return ModelInfo(
                name: facts.name, path: model.folder.path, problem: nil, bytes: model.byteCount,
                width: facts.defaults.width, height: facts.defaults.height, precisions: facts.precisions.map(\.rawValue),
                steps: facts.steps.isEmpty ? [facts.defaults.steps] : facts.steps,
                calibrated: facts.precisions.contains { costs[facts, $0] != nil }, licence: model.licence)
        }
        let broken = catalog.problems.map { problem in
            ModelInfo(
                name: problem.name, path: problem.path, problem: problem.error.description, bytes: nil, width: nil,
                height: nil, precisions: [], steps: [], calibrated: false, licence: nil)
        }
        return (usable + broken).sorted { $0.name < $1.name }
    }
}

extension CalibrationInfo {
    fileprivate init(model: ModelFacts, costs: MemberCosts) {
        let pixels = model.defaults.width * model.defaults.height
        self.init(
            model: model.name, textSeconds: costs.textSeconds, stepSeconds: costs.evaluation(pixels: pixels),
            decodeSeconds: costs.decode(pixels: pixels), width: model.defaults.width, height: model.defaults.height)
    }
}
