import Jobs
import Models
import Planner

/// `latentd.json`: what a model's maker says about it. A folder without one is a plain diffusers model.
///
/// ```json
/// {"format": 1, "name": "emoji", "group": "emoji", "title": "...", "licence": "...", "quality": 100,
///  "default": {"width": 128, "height": 128, "steps": 20, "guidance_scale": 4, "sampler": "ddim"},
///  "guidance": "classifier_free",
///  "steps": [4, 6, 8, 12, 16, 20, 30], "precisions": ["fp32", "int8"],
///  "sizes": {"minimum": 64, "maximum": 512, "multiple": 8},
///  "measured_quality": [{"precision": "fp32", "steps": 8, "quality": 91.5}],
///  "measured_error": [{"precision": "int8", "psnr": 36.4}]}
/// ```
/// Every field but `format` may be left out; fields of later versions are passed over. Old manifests call the group `family`. `"guidance": "distilled"` says that the model
/// was trained to draw as if guided: one evaluation a step, and a job may not ask for a scale above 1.
struct ModelManifest {
    static let fileName = "latentd.json"
    private static let format = 1

    var title: String?
    var licence: String?

    /// Reads the manifest of `folder` and lays it over `facts`, which come from the model's other files.
    init(folder: ModelFolder, over facts: inout ModelFacts) throws(ModelError) {
        let config = try Config(file: folder.manifestFile)
        let format = try config.integer("format")
        guard format == Self.format else {
            throw config.refusal("format", "\(format) is of another version of latentd, which reads \(Self.format)")
        }
        title = config.has("title") ? try config.string("title") : nil
        licence = config.has("licence") ? try config.string("licence") : nil
        facts.group = try config.string("group", default: config.string("family", default: facts.group))
        facts.quality = try config.number("quality", default: facts.quality)
        if config.has("sizes") { facts.sizes = try Self.sizes(try config.object("sizes"), facts.sizes) }
        if config.has("default") { facts.defaults = try Self.defaults(try config.object("default"), facts.defaults) }
        try readGuidance(of: config, into: &facts)
        if config.has("steps") { facts.steps = try config.integers("steps", in: 1...1000).sorted() }
        if config.has("precisions") {
            // The best first, as the planner shows them.
            facts.precisions = Set(try config.strings("precisions").compactMap(Precision.init)).sorted(by: >)
            guard !facts.precisions.isEmpty else {
                throw config.refusal("precisions", "this version of latentd can run none of them")
            }
        }
        facts.measuredQuality = try Self.entries("measured_quality", of: config) {
            precision, entry throws(ModelError) in
            .init(precision: precision, steps: try entry.integer("steps"), quality: try entry.number("quality"))
        }
        // What was measured with the model's own settings is its quality, unless the maker says something else.
        let (widest, steps) = (facts.precisions.first, facts.defaults.steps)
        if !config.has("quality"),
            let own = facts.measuredQuality.first(where: { $0.precision == widest && $0.steps == steps })
        {
            facts.quality = own.quality
        }
        let errors = try Self.entries("measured_error", of: config) { precision, entry throws(ModelError) in
            (precision, try entry.number("psnr"))
        }
        facts.measuredPSNR = Dictionary(errors) { first, _ in first }
    }

    /// A model that is guided by an input says so in its configuration, not here.
    private func readGuidance(of config: Config, into facts: inout ModelFacts) throws(ModelError) {
        guard config.has("guidance") else { return }
        let guidance: ModelFacts.Guidance = try config.choice("guidance")
        guard (guidance == .embedded) == (facts.guidance == .embedded) else {
            throw config.refusal("guidance", "it is '\(guidance.rawValue)', the UNet's configuration says otherwise")
        }
        facts.guidance = guidance
        guard guidance == .distilled else { return }
        let asked = config.has("default") ? try config.object("default").number("guidance_scale", default: 1) : 1
        guard asked <= 1 else {
            throw config.refusal("default.guidance_scale", "\(asked) is above 1, the most for distilled guidance")
        }
        facts.defaults.guidanceScale = asked
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
            sampler: config.has("sampler") ? try config.choice("sampler") : defaults.sampler)
    }

    /// The elements of a field that has an object for each measured precision; those of later versions are passed over.
    private static func entries<Entry>(
        _ field: String, of config: Config, _ read: (Precision, Config) throws(ModelError) -> Entry
    ) throws(ModelError) -> [Entry] {
        guard config.has(field) else { return [] }
        guard case .array(let elements)? = config.members[field] else {
            throw config.refusal(field, "it is not an array")
        }
        var entries: [Entry] = []
        for element in elements {
            guard case .object(let members) = element else {
                throw config.refusal(field, "an element is not an object")
            }
            let entry = Config(file: config.file, members: members)
            guard let precision = Precision(rawValue: try entry.string("precision")) else { continue }
            entries.append(try read(precision, entry))
        }
        return entries
    }
}
