import Jobs
import Planner
import Rendering
import Varlink

extension ControlDesk {
    func addDaemonMethods(to router: inout Router) {
        router.on(Status.self) { _ throws(CallError) in try answer { try await overview.status(of: self) } }
        router.on(Models.self) { _ throws(CallError) in Models.Reply(models: models()) }
        router.on(PlanJob.self) { parameters, caller throws(CallError) in
            let (request, initImage) = try read(parameters.job)
            return try answer(caller) { PlanJob.Reply(plan: try await plan(request, initImage)) }
        }
        router.on(Calibrate.self) { parameters, caller throws(CallError) in
            try authority.requireAdministrator(caller.peer, to: "calibrate")
            return try answer(caller) { Calibrate.Reply(calibrations: try await calibrate(parameters.model)) }
        }
    }

    /// Measures first what was never measured, unless a picture is being made: that would mean to wait for it.
    private func plan(_ request: JobRequest, _ initImage: InitImageFile?) async throws -> Plan {
        guard board.running == nil else { return try outlook.plan(request, initImage) }
        let (plan, learned) = try await inference.withStopFlag { flag in
            try await inference.plan(request, initImage, stop: flag) { _ in }
        }
        try await ledger.save(learned)
        return plan
    }

    private func calibrate(_ name: String?) async throws -> [CalibrationInfo] {
        let models = outlook.catalog.models.filter { name == nil || $0.facts.name == name }
        if models.isEmpty {
            throw CallError.unavailable(name.map { "there is no model \"\($0)\"" } ?? "no model is installed")
        }
        guard board.running == nil else {
            throw CallError.unavailable("a picture is being made; measure when the queue is idle")
        }
        var calibrations: [CalibrationInfo] = []
        for model in models {
            let costs = try await inference.withStopFlag { try await inference.calibrate(model, stop: $0) }
            try await ledger.save(costs)
            calibrations += costs.compactMap { CalibrationInfo(model: model.facts, costs: $0) }
        }
        return calibrations
    }

    private func models() -> [ModelInfo] {
        let catalog = outlook.catalog
        let (costs, baselineBytes) = (outlook.costs, outlook.baselineBytes)
        let usable = catalog.models.map { model in
            let facts = model.facts
            return ModelInfo(
                name: facts.name, family: facts.family, group: facts.group, path: model.folder.path, problem: nil, bytes: model.byteCount,
                width: facts.defaults.width, height: facts.defaults.height,
                members: facts.precisions.map { MemberInfo(facts, $0, costs[facts.identity, $0], baselineBytes) },
                steps: facts.steps.isEmpty ? [facts.defaults.steps] : facts.steps,
                calibrated: facts.precisions.contains { costs[facts.identity, $0] != nil }, licence: model.licence)
        }
        let broken = catalog.problems.map { problem in
            ModelInfo(
                name: problem.name, family: nil, group: nil, path: problem.path, problem: problem.error.description, bytes: nil,
                width: nil,
                height: nil, members: [], steps: [], calibrated: false, licence: nil)
        }
        return (usable + broken).sorted { ($0.group ?? $0.name, $0.name) < ($1.group ?? $1.name, $1.name) }
    }
}

extension MemberInfo {
    fileprivate init(_ facts: ModelFacts, _ precision: Precision, _ costs: MemberCosts?, _ baselineBytes: Int) {
        let own = facts.defaults
        let pixels = own.width * own.height
        let perStep = facts.evaluationsPerStep(guidanceScale: own.guidanceScale)
        let prediction = costs?.prediction(
            .together, pixels: pixels, steps: facts.ownRunningSteps, evaluationsPerStep: perStep, isLoaded: true)
        let peaks = costs?.memory.peaks(pixels: pixels, evaluationsPerStep: perStep)
        self.init(
            precision: precision.rawValue, seconds: prediction?.totalSeconds,
            peakBytes: peaks?[.together].map { baselineBytes + $0 },
            psnr: facts.measuredPSNR[precision], quality: facts.quality(precision, steps: own.steps))
    }
}

extension CalibrationInfo {
    fileprivate init?(model: ModelFacts, costs: MemberCosts) {
        guard let times = costs.times(in: .together) else { return nil }
        let pixels = model.defaults.width * model.defaults.height
        self.init(
            model: model.name, precision: costs.precision.rawValue, textSeconds: times.textSeconds,
            stepSeconds: times.evaluation(pixels: pixels),
            decodeSeconds: times.decode(pixels: pixels), width: model.defaults.width, height: model.defaults.height)
    }
}
