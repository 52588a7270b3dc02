import Jobs
import Planner
import Rendering

/// When all plans are made.
let now = Timestamp(millisecondsSinceEpoch: 0)

/// A renderer of the fixtures.
func renderer(limit: Int = 4 << 30, threads: Int = 1, cache: String? = nil) throws -> Renderer {
    try Renderer(
        catalog: ModelCatalog(directories: [fixtureModels]),
        options: .init(threads: threads, memoryLimit: { limit }, cacheDirectory: cache, version: "9.8.7"))
}

/// A job for the fixture `tiny` that is over in a moment.
func tinyJob(_ change: (inout JobRequest) -> Void = { _ in }) -> JobRequest {
    var request = JobRequest(prompt: "a red apple", negativePrompt: "blue")
    request.model = "tiny"
    request.steps = 3
    request.width = 64
    request.height = 64
    change(&request)
    return request
}

extension Renderer {
    /// Plans and renders.
    func render(_ request: JobRequest, seed: UInt64 = 7) throws -> Rendered {
        try render(request, seed: seed, plan: try plan(request, now: now))
    }
}
