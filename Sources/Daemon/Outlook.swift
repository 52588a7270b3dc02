import Jobs
import Planner
import Rendering
import Synchronization

/// What could be done with a job now, for those who may not wait for the inference thread: a copy of what that knows.
final class Outlook: Sendable {
    private struct State {
        var planner: Planner
        var catalog: ModelCatalog
        var defaultBudget: Duration?
    }

    private let state: Mutex<State>
    private let prompts = PromptCheck()

    /// An outlook with these models and costs; `defaultBudget` is the budget of a job that names none.
    init(planner: Planner, catalog: ModelCatalog, defaultBudget: Duration?) {
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

    /// What is known of their costs.
    var costs: CostModel { state.withLock { $0.planner.costs } }

    /// What the process takes without any model.
    var baselineBytes: Int { state.withLock { $0.planner.baselineBytes } }

    /// How `request` would be done if it began now, with `initImage` where it begins with a picture. Measures nothing.
    func plan(_ request: JobRequest, _ initImage: InitImageFile?) throws(RenderingError) -> Plan {
        let (planner, catalog) = state.withLock { ($0.planner, $0.catalog) }
        if let problem = catalog.problem(of: request) { throw .unusableModel(problem.name, problem.error) }
        var plan: Plan
        do throws(PlannerError) {
            plan = try planner.plan(completed(request), initImage: initImage?.size, now: .now)
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
}
