public import Jobs
public import Planner
import Diffusion
import Models
import Synchronization

/// What a model's text encoder has no room for in a job's prompts, for those who have no pipeline at hand.
///
/// Keeps the tokenizer of the model that it was asked about last. Any thread may ask.
public final class PromptCheck: Sendable {
    private let last = Mutex<(identity: String, tokenizer: Tokenizer)?>(nil)

    /// A check that has read nothing yet.
    public init() {}

    /// A sentence for each prompt that is too long, with the words that are left out; reads the model's tokenizer if it must.
    public func warnings(
        of request: JobRequest, _ plan: Plan, by model: CatalogModel
    ) throws(RenderingError) -> [String] {
        let known = last.withLock { $0?.identity == model.facts.identity ? $0?.tokenizer : nil }
        let tokenizer: Tokenizer
        do throws(ModelError) {
            tokenizer = if let known { known } else { try Tokenizer(model.folder) }
        } catch {
            throw .unusableModel(model.facts.name, error)
        }
        last.withLock { $0 = (model.facts.identity, tokenizer) }
        return tokenizer.warnings(of: request, plan, model.facts)
    }
}

extension Tokenizer {
    /// A sentence for each prompt that is too long; the negative one counts where it is used.
    func warnings(of request: JobRequest, _ plan: Plan, _ model: ModelFacts) -> [String] {
        var prompts = [("prompt", request.prompt)]
        if model.evaluationsPerStep(guidanceScale: plan.guidanceScale) > 1, let negative = request.negativePrompt {
            prompts.append(("negative prompt", negative))
        }
        return prompts.compactMap { name, text in
            removedPart(of: text).map { removed in
                let count = removed.tokens == 1 ? "1 token is" : "\(removed.tokens) tokens are"
                return
                    "The \(name) is too long for the text encoder of \(model.name), which takes \(length - 2) tokens: "
                    + "\(count) left out, \"\(Self.shortened(removed.words))\"."
            }
        }
    }

    /// Words as a sentence can hold them: of very many the beginning and the end, cut between two words where there are any.
    private static func shortened(_ words: String) -> String {
        guard words.count > 1000 else { return words }
        let start = words.prefix(600), end = words.suffix(300)
        let head = start.lastIndex(of: " ").map { start[..<$0] } ?? start
        let tail = end.firstIndex(of: " ").map { end[$0...].dropFirst() } ?? end
        return "\(head) … \(tail)"
    }
}
