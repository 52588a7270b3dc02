import Compute

/// What `latentd.json` says about how a folder was imported: the field `quantization`.
///
/// ```json
/// "quantization": {"format": 1, "precision": "int8", "tool": "latentd 0.3.0",
///                  "source": {"name": "sd15", "sha256": "..."}, "rules": [...],
///                  "components": {"unet": {"precision": "int8", "exceptions": {"conv_in.weight": "as stored"}}}}
/// ```
struct QuantizationManifest {
    /// The manifest's name in a model's folder.
    static let fileName = "latentd.json"
    static let field = "quantization"
    /// Raised whenever an older version would read a folder wrongly.
    static let format = 1
    /// What stands for a tensor that was not rounded.
    static let asStored = "as stored"

    let precision: WeightPrecision
    let tool: String
    let sourceName: String
    let sourceSHA256: String
    let rules: PrecisionRules
    /// The plans of every component.
    let plans: [String: [TensorPlan]]

    /// The rules of a folder that was imported; refuses one that a newer version wrote.
    static func rules(_ config: Config, for form: ModelForm) throws(ModelError) -> PrecisionRules {
        let found = try config.integer("format")
        guard found <= format else {
            throw config.refusal(
                "format",
                "\(found) is of a newer latentd; this one reads up to \(format): import the model again, or update")
        }
        return try PrecisionRules(config, for: form)
    }

    /// The field's value.
    var json: JSON {
        .object([
            "format": .integer(QuantizationManifest.format), "precision": .string(precision.rawValue),
            "tool": .string(tool), "rules": rules.json,
            "source": .object(["name": .string(sourceName), "sha256": .string(sourceSHA256)]),
            "components": .object(plans.mapValues(describe)),
        ])
    }

    private func describe(_ plans: [TensorPlan]) -> JSON {
        var counts: [WeightPrecision?: Int] = [:]
        for plan in plans where plan.isMatrix { counts[plan.precision, default: 0] += plan.elements }
        let main = counts.max { ($0.value, $0.key?.rawValue ?? "") < ($1.value, $1.key?.rawValue ?? "") }?.key ?? nil
        let exceptions = plans.filter { $0.isMatrix && $0.precision != main }.map {
            ($0.name, QuantizationManifest.text($0.precision))
        }
        return .object([
            "precision": QuantizationManifest.text(main),
            "exceptions": .object(Dictionary(exceptions) { first, _ in first }),
        ])
    }

    private static func text(_ precision: WeightPrecision?) -> JSON { .string(precision?.rawValue ?? asStored) }
}
