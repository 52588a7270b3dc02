import Foundation
import Terms

/// The text that most tools for generated pictures read, in the form that the A1111 web interface gave it:
///
/// ```
/// a red apple, fluent 3d style
/// Negative prompt: blurry
/// Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 128x128, Model hash: abcdef1234, Model: emoji, Version: latentd 1.0
/// ```
/// The prompt stands as it is; one that has a line `Negative prompt: ...` of its own is ambiguous to every reader of this
/// text, which is why `latentd:job` is the exact record.
public struct ParametersLine: Equatable, Sendable {
    /// The lines, no line feed at the end.
    public let text: String

    /// Writes them.
    public init(_ metadata: PictureMetadata) {
        let facts: [(String, String)] = [
            ("Steps", "\(metadata.steps)"), ("Sampler", Sampler(rawValue: metadata.sampler)?.title ?? metadata.sampler),
            ("CFG scale", Self.number(metadata.guidanceScale)), ("Seed", "\(metadata.seed)"),
            ("Size", "\(metadata.width)x\(metadata.height)"),
        ]
        let begun = metadata.initImage.map {
            [("Denoising strength", Self.number($0.strength)), ("Init image SHA-256", $0.sha256)]
        }
        let makers = [
            ("Model hash", String(metadata.modelSHA256.prefix(10))),
            ("Model", metadata.model), ("RNG", metadata.randomSource), ("Version", "latentd \(metadata.version)"),
        ]
        let all = facts + (begun ?? []) + makers
        var lines = [metadata.prompt]
        if !metadata.negativePrompt.isEmpty { lines.append("Negative prompt: \(metadata.negativePrompt)") }
        lines.append(all.map { "\($0.0): \(Self.quoted($0.1))" }.joined(separator: ", "))
        text = lines.joined(separator: "\n")
    }

    /// Without a fraction where there is none: `7`, `7.5`.
    private static func number(_ value: Double) -> String {
        Int(exactly: value).map(String.init) ?? "\(value)"
    }

    /// A value with a separator in it is a JSON string.
    private static func quoted(_ value: String) -> String {
        guard value.contains(where: { ",:\n\"".contains($0) }),
            let json = try? JSONEncoder().encode(value)
        else { return value }
        return String(decoding: json, as: UTF8.self)
    }
}
