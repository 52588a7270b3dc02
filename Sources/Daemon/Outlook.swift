import Jobs
import Planner
import Rendering
import Synchronization
import Varlink

/// What could be done with a job now, for those who may not wait for the inference thread: a copy of what that thread knows.
final class Outlook: Sendable {
    private struct State {
        var planner: Planner
        var catalog: ModelCatalog
        var defaultBudget: Duration?
    }

    private let state: Mutex<State>
    private let clock: Clock
    private let prompts = PromptCheck()

    /// An outlook with these models and costs; `defaultBudget` is the budget of a job that names none.
    init(planner: Planner, catalog: ModelCatalog, defaultBudget: Duration?, clock: Clock) {
        self.clock = clock
        state = Mutex(State(planner: planner, catalog: catalog, defaultBudget: defaultBudget))
    }

    /// The inference thread knows more than before.
    func update(planner: Planner, catalog: ModelCatalog) {
        state.withLock { ($0.planner, $0.catalog) = (planner, catalog) }
    }

    /// The settings changed.
    func update(defaultBudget: Duration?) {
        state.withLock { $0.defaultBudget = defaultBudget }
    }

    /// The models as they were last looked for.
    var catalog: ModelCatalog { state.withLock { $0.catalog } }

    /// How `request` would be done if it began now, with `initImage` where it begins with a picture. Measures nothing, but may read the
    /// model's tokenizer, and so blocks for the disk.
    func plan(_ request: JobRequest, _ initImage: InitImageFile?) throws(RenderingError) -> Plan {
        let (planner, catalog) = state.withLock { ($0.planner, $0.catalog) }
        if let problem = catalog.problem(of: request) { throw .unusableModel(problem.name, problem.error) }
        var plan: Plan
        do throws(PlannerError) {
            plan = try planner.plan(completed(request), initImage: initImage?.size, now: clock.now())
        } catch {
            throw .plan(error)
        }
        guard let model = catalog[plan.variant.model] else { throw .modelGone(plan.variant.model) }
        plan.warnings += try prompts.warnings(of: request, plan, by: model)
        return plan
    }

    /// `request` with the settings' budget when it names neither budget nor deadline.
    func completed(_ request: JobRequest) -> JobRequest {
        guard request.latencyBudget == nil, request.deadline == nil else { return request }
        var request = request
        request.latencyBudget = state.withLock { $0.defaultBudget }
        return request
    }

    /// The models as the wire has them, those that cannot be used among them; by family, then by name.
    func models() -> [ModelInfo] {
        let (planner, catalog) = state.withLock { ($0.planner, $0.catalog) }
        let usable = catalog.models.map { model in
            let facts = model.facts
            return ModelInfo(
                name: facts.name, family: facts.family, group: facts.group, path: model.folder.path, problem: nil,
                bytes: model.byteCount,
                width: facts.defaults.width, height: facts.defaults.height,
                members: facts.precisions.map { MemberInfo(facts, $0, planner) },
                steps: facts.steps.isEmpty ? [facts.defaults.steps] : facts.steps,
                calibrated: facts.precisions.contains { planner.costs[facts.identity, $0] != nil },
                licence: model.licence)
        }
        let broken = catalog.problems.map { problem in
            ModelInfo(
                name: problem.name, family: nil, group: nil, path: problem.path, problem: problem.error.description,
                bytes: nil,
                width: nil, height: nil, members: [], steps: [], calibrated: false, licence: nil)
        }
        return (usable + broken).sorted { ($0.group ?? $0.name, $0.name) < ($1.group ?? $1.name, $1.name) }
    }
}

extension MemberInfo {
    fileprivate init(_ facts: ModelFacts, _ precision: Precision, _ planner: Planner) {
        let own = facts.defaults, costs = planner.costs[facts.identity, precision]
        let pixels = own.width * own.height
        let perStep = facts.evaluationsPerStep(guidanceScale: own.guidanceScale)
        let prediction = costs?.prediction(
            .together, pixels: pixels, steps: facts.ownRunningSteps, evaluationsPerStep: perStep, isLoaded: true)
        let peaks = costs?.memory.peaks(pixels: pixels, evaluationsPerStep: perStep)
        self.init(
            precision: precision.rawValue, seconds: prediction?.totalSeconds,
            peakBytes: peaks?[.together].map { planner.baselineBytes + $0 },
            psnr: facts.measuredPSNR[precision], quality: facts.quality(precision, steps: own.steps))
    }
}

extension CalibrationInfo {
    /// What was measured of a model, as the wire has it; nil when it was not measured with all weights in memory.
    init?(model: ModelFacts, costs: MemberCosts) {
        guard let times = costs.times(in: .together) else { return nil }
        let pixels = model.defaults.width * model.defaults.height
        self.init(
            model: model.name, precision: costs.precision.rawValue, textSeconds: times.textSeconds,
            stepSeconds: times.evaluation(pixels: pixels),
            decodeSeconds: times.decode(pixels: pixels), width: model.defaults.width, height: model.defaults.height)
    }
}
