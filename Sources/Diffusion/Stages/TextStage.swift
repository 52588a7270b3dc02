import Compute

/// Prompts to embeddings.
final class TextStage: Stage {
    let name = StageName.textEncoder
    let slot: Slot<TextEncoder>
    let configuration: TextEncoderConfiguration
    let tokenizer: Tokenizer
    private let guidance: Guidance

    init(
        _ source: NetworkSource, _ configuration: TextEncoderConfiguration, _ tokenizer: Tokenizer, _ guidance: Guidance
    ) {
        slot = Slot(source)
        self.configuration = configuration
        self.tokenizer = tokenizer
        self.guidance = guidance
    }

    /// The tokens of each prompt of the batch, in diffusers' order.
    func tokens(_ settings: GenerationSettings) -> [[Int]] {
        let isGuided = guidance.evaluations(settings) == 2
        let texts = isGuided ? [settings.negativePrompt, settings.prompt] : [settings.prompt]
        return texts.map(tokenizer.encode)
    }

    /// The prompts' embeddings, `[B, 1, T, C]`. Of two prompts, `clipSkip` concerns the positive one only, as in diffusers.
    @inline(never)
    func embed(
        _ texts: [[Int]], with network: TextEncoder, _ settings: GenerationSettings, _ evaluation: Evaluation
    ) -> Tensor {
        guard let skip = settings.clipSkip, skip > 0 else { return network(texts, evaluation).embeddings }
        let parts = texts.enumerated().map { index, text in
            network([text], skipping: index == texts.count - 1 ? skip : 0, evaluation).embeddings
        }
        return parts.count == 1 ? parts[0] : evaluation.context.concatenateBatch(parts)
    }

    func listBytes(_ settings: GenerationSettings) -> Int { 0 }

    func measure(_ network: TextEncoder, _ settings: GenerationSettings, _ evaluation: Evaluation) {
        let empty = Array(repeating: 0, count: tokenizer.length)
        _ = embed(
            Array(repeating: empty, count: guidance.evaluations(settings)), with: network, settings, evaluation)
    }
}
