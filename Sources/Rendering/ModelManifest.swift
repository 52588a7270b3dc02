import Jobs
import Models
import Planner

/// `latentd.json`: what a model's maker says about it. A folder without one is a plain diffusers model.
///
/// ```json
/// {"format": 1, "name": "emoji", "family": "emoji", "title": "...", "licence": "...", "quality": 100,
///  "default": {"width": 128, "height": 128, "steps": 20, "guidance_scale": 4, "sampler": "ddim"},
///  "steps": [4, 6, 8, 12, 16, 20, 30], "precisions": ["fp32"],
///  "sizes": {"minimum": 64, "maximum": 512, "multiple": 8},
///  "measured_quality": [{"precision": "fp32", "steps": 8, "quality": 91.5}]}
/// ```
/// Every field but `format` may be left out; fields of later versions are passed over.
struct ModelManifest {
    static let fileName = "latentd.json"
    private static let format = 1

    var title: String?
    var licence: String?

    /// Reads the manifest of `folder` and lays it over `facts`, which come from the model's other files.
    init(folder: ModelFolder, over facts: inout ModelFacts) throws(ModelError) {
        let config = try Config(file: "\(folder.path)/\(Self.fileName)")
        let format = try config.integer("format")
        guard format == Self.format else {
            throw config.refusal("format", "\(format) is of another version of latentd, which reads \(Self.format)")
        }
        title = config.has("title") ? try config.string("title") : nil
        licence = config.has("licence") ? try config.string("licence") : nil
        facts.family = try config.string("family", default: facts.family)
        facts.quality = try config.number("quality", default: facts.quality)
        if config.has("sizes") { facts.sizes = try Self.sizes(try config.object("sizes"), facts.sizes) }
        if config.has("default") { facts.defaults = try Self.defaults(try config.object("default"), facts.defaults) }
        if config.has("steps") { facts.steps = try config.integers("steps", in: 1...1000).sorted() }
        if config.has("precisions") {
            facts.precisions = try config.strings("precisions").compactMap(Precision.init)
                .filter(ModelCatalog.runnablePrecisions.contains)
            guard !facts.precisions.isEmpty else {
                throw config.refusal("precisions", "this version of latentd can run none of them")
            }
        }
        if config.has("measured_quality") { facts.measuredQuality = try Self.qualities(config) }
    }

    private static func sizes(
        _ config: Config, _ sizes: ModelFacts.Sizes
    ) throws(ModelError) -> ModelFacts.Sizes {
        let multiple = try config.integer("multiple", default: sizes.multiple)
        guard multiple % sizes.multiple == 0 else {
            throw config.refusal("multiple", "\(multiple) is no multiple of the model's own factor, \(sizes.multiple)")
        }
        let minimum = try config.integer("minimum", default: sizes.minimum)
        let maximum = try config.integer("maximum", default: sizes.maximum)
        guard minimum <= maximum else { throw config.refusal("minimum", "it is more than the maximum") }
        return .init(minimum: minimum, maximum: min(maximum, sizes.maximum), multiple: multiple)
    }

    private static func defaults(
        _ config: Config, _ defaults: ModelFacts.Defaults
    ) throws(ModelError) -> ModelFacts.Defaults {
        .init(
            width: try config.integer("width", default: defaults.width),
            height: try config.integer("height", default: defaults.height),
            steps: try config.integer("steps", default: defaults.steps, in: 1...1000),
            guidanceScale: try config.number("guidance_scale", default: defaults.guidanceScale),
            sampler: try config.choice("sampler", default: defaults.sampler))
    }

    private static func qualities(_ config: Config) throws(ModelError) -> [ModelFacts.MeasuredQuality] {
        guard case .array(let elements)? = config.members["measured_quality"] else {
            throw config.refusal("measured_quality", "it is not an array")
        }
        var qualities: [ModelFacts.MeasuredQuality] = []
        for element in elements {
            guard case .object(let members) = element else {
                throw config.refusal("measured_quality", "an element is not an object")
            }
            let entry = Config(file: config.file, members: members)
            guard let precision = Precision(rawValue: try entry.string("precision")) else { continue }
            qualities.append(
                .init(
                    precision: precision, steps: try entry.integer("steps"), quality: try entry.number("quality")))
        }
        return qualities
    }
}
