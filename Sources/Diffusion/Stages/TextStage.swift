import Compute
import Models

/// Prompts to what one text encoder says of them.
final class TextStage: Stage {
    let name: StageName
    let slot: Slot<TextEncoder>
    let part: TextPart
    let tokenizer: Tokenizer
    private let texts: (GenerationSettings) -> [String?]

    /// - Parameter texts: those of a picture's batch; nil is not encoded.
    init(
        _ source: NetworkSource, _ part: TextPart, _ tokenizer: Tokenizer,
        texts: @escaping (GenerationSettings) -> [String?]
    ) {
        name = StageName(rawValue: part.component)
        slot = Slot(source) { (folder, preparation) throws(ModelError) in
            try TextEncoder(folder, component: part.component, projects: part.isPooled, preparation)
        }
        self.part = part
        self.tokenizer = tokenizer
        self.texts = texts
    }

    /// The tokens of each text that is encoded, in the batch's order.
    func tokens(_ settings: GenerationSettings) -> [[Int]] {
        texts(settings).compactMap { $0.map(tokenizer.encode) }
    }

    /// What the encoder says. Of two texts, `clipSkip` concerns the prompt only, as in diffusers.
    @inline(never)
    func embed(
        _ tokens: [[Int]], with network: TextEncoder, _ settings: GenerationSettings, _ evaluation: Evaluation
    ) -> TextEncoder.Output {
        func output(_ tokens: [[Int]], skipping skip: Int) -> TextEncoder.Output {
            let skipped = part.skippedLayers + skip
            return network(
                tokens, layer: part.skippedLayers == 0 ? .normalized(skipping: skip) : .hidden(skipping: skipped),
                isPooled: part.isPooled, evaluation)
        }
        guard let skip = settings.clipSkip, skip > 0 else { return output(tokens, skipping: 0) }
        let rows = tokens.enumerated().map { output([$1], skipping: $0 == tokens.count - 1 ? skip : 0) }
        guard rows.count > 1 else { return rows[0] }
        let pooled = rows.compactMap(\.pooled), context = evaluation.context
        return TextEncoder.Output(
            embeddings: context.concatenateBatch(rows.map(\.embeddings)),
            pooled: pooled.isEmpty ? nil : context.concatenateBatch(pooled))
    }

    func listBytes(_ settings: GenerationSettings) -> Int { 0 }

    func measure(_ network: TextEncoder, _ settings: GenerationSettings, _ evaluation: Evaluation) {
        let empty = Array(repeating: 0, count: tokenizer.length)
        let count = texts(settings).count { $0 != nil }
        _ = embed(Array(repeating: empty, count: count), with: network, settings, evaluation)
    }
}
