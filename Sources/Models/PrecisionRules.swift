import Compute

/// Which precision each tensor of a model gets when the model is asked for at one: the first rule that fits decides, and where none
/// does, what was asked for. A rule never makes a tensor narrower than that.
///
/// ```json
/// {"rules": [{"component": "unet", "tensors": "*.time_emb_proj.*", "at": ["int8", "int4"], "precision": "bf16"}]}
/// ```
/// In `tensors`, `*` stands for any characters. Without `at` the rule holds for every precision. With `"hosts": "without_byte_dots"` it
/// concerns CPUs alone on which integers are slower than floats there: an import passes it over.
public struct PrecisionRules: Hashable, Sendable {
    /// One rule.
    public struct Rule: Hashable, Sendable {
        /// `text_encoder`, `unet` or `vae`.
        public var component: String
        /// The names that it is about.
        public var tensors: String
        /// The precisions of the model at which it holds.
        public var at: Set<WeightPrecision>
        /// What the tensors then get at the least.
        public var precision: WeightPrecision
        /// The CPUs on which it holds.
        public var hosts: Hosts

        /// Names them all.
        public init(
            component: String, tensors: String, at: Set<WeightPrecision> = Set(WeightPrecision.allCases),
            precision: WeightPrecision, hosts: Hosts = .any
        ) {
            self.component = component
            self.tensors = tensors
            self.at = at
            self.precision = precision
            self.hosts = hosts
        }
    }

    /// Some CPUs.
    public enum Hosts: String, Sendable, CaseIterable {
        /// All of them.
        case any
        /// Those without an instruction that sums products of bytes (`KernelTable.hasByteDots`).
        case withoutByteDots = "without_byte_dots"
    }

    /// In the order in which they are asked.
    public var rules: [Rule]

    /// Rules in their order.
    public init(_ rules: [Rule]) { self.rules = rules }

    /// The rules of a model that brings none, chosen by what they do to the embedded model's pictures (median PSNR against fp32 over
    /// eight prompts: int8 38.3 dB; int4 28.6 dB, 27.3 without the last three rules).
    public static let standard = PrecisionRules([
        // Few channels, little work, and every error of them is seen.
        Rule(component: "unet", tensors: "conv_in.*", precision: .fp32),
        Rule(component: "unet", tensors: "conv_out.*", precision: .fp32),
        // One row a step: their time is nothing, and they steer every block.
        Rule(component: "unet", tensors: "time_embedding.*", at: [.int8, .int4], precision: .bf16),
        Rule(component: "unet", tensors: "*.time_emb_proj.*", at: [.int4], precision: .int8),
        // AutoencoderTiny's weights are few, its convolutions are fastest in Winograd's larger tiles, and its ranges would be those of
        // whole images.
        Rule(component: "vae", tensors: "decoder.layers.*", precision: .fp32),
        // AutoencoderKL's large images: a third of a decode, a tenth of its weights, and faster by Winograd than as sums of 16 bits.
        Rule(
            component: "vae", tensors: "decoder.up_blocks.2.resnets.*", at: [.int8, .int4], precision: .bf16,
            hosts: .withoutByteDots),
        Rule(
            component: "vae", tensors: "decoder.up_blocks.3.*", at: [.int8, .int4], precision: .bf16,
            hosts: .withoutByteDots),
        // 4 bits save memory where there is much of it: in the UNet.
        Rule(component: "vae", tensors: "*", at: [.int4], precision: .int8),
        Rule(component: "text_encoder", tensors: "*", at: [.int4], precision: .int8),
        // What carries a block's input past its middle, a twentieth of SD1.5's weights.
        Rule(component: "unet", tensors: "*.conv_shortcut.*", at: [.int4], precision: .int8),
        Rule(component: "unet", tensors: "*.proj_in.*", at: [.int4], precision: .int8),
        Rule(component: "unet", tensors: "*.proj_out.*", at: [.int4], precision: .int8),
    ])

    /// Those for one component.
    func of(_ component: String) -> PrecisionRules { PrecisionRules(rules.filter { $0.component == component }) }

    /// Those that hold on this host, with the kernels that are in use.
    public var here: PrecisionRules {
        // A table that cannot be selected fails where something is computed.
        (try? KernelTable.selected())?.hasByteDots == false ? self : everywhere
    }

    /// Those that hold on every host.
    var everywhere: PrecisionRules { PrecisionRules(rules.filter { $0.hosts == .any }) }

    /// What the tensor `name` of `component` gets in a model that is asked for at `precision`.
    public func precision(of name: String, in component: String, at precision: WeightPrecision) -> WeightPrecision {
        let rule = rules.first {
            $0.component == component && $0.at.contains(precision)
                && PrecisionRules.matches(Array(name.utf8)[...], Array($0.tensors.utf8)[...])
        }
        return rule.map { max($0.precision, precision) } ?? precision
    }

    private static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            let rest = pattern.dropFirst()
            return (name.startIndex...name.endIndex).contains { matches(name[$0...], rest) }
        }
        return name.first == first && matches(name.dropFirst(), pattern.dropFirst())
    }
}

extension PrecisionRules {
    /// Reads a file of rules.
    public init(file: String) throws(ModelError) {
        let config = try Config(file: file)
        if let unknown = config.members.keys.filter({ $0 != "rules" }).min() {
            throw config.refusal(unknown, "a file of rules has no such field")
        }
        try self.init(config)
    }

    /// Reads the field `rules` of an object.
    public init(_ config: Config) throws(ModelError) {
        guard case .array(let elements)? = config.members["rules"] else {
            throw config.refusal("rules", "it is not an array of rules")
        }
        rules = try elements.enumerated().map { index, element throws(ModelError) in
            guard case .object(let members) = element else {
                throw config.refusal("rules[\(index)]", "it is not an object")
            }
            return try Rule(Config(file: config.file, members: members, path: "rules[\(index)]."))
        }
    }

    /// The rules as JSON: what the field `rules` holds.
    public var json: JSON {
        .array(
            rules.map { rule in
                let at = WeightPrecision.allCases.filter(rule.at.contains)
                var members: [String: JSON] = [
                    "component": .string(rule.component), "tensors": .string(rule.tensors),
                    "at": .array(at.map { .string($0.rawValue) }), "precision": .string(rule.precision.rawValue),
                ]
                if rule.hosts != .any { members["hosts"] = .string(rule.hosts.rawValue) }
                return .object(members)
            })
    }
}

extension PrecisionRules.Rule {
    private static let fields: Set<String> = ["component", "tensors", "at", "precision", "hosts"]

    fileprivate init(_ config: Config) throws(ModelError) {
        if let unknown = config.members.keys.filter({ !Self.fields.contains($0) }).min() {
            throw config.refusal(unknown, "a rule has no such field")
        }
        component = try config.string("component")
        guard ModelFolder.weightComponents.contains(component) else {
            let known = ModelFolder.weightComponents.map { "'\($0)'" }.joined(separator: ", ")
            throw config.refusal("component", "'\(component)' is none of \(known)")
        }
        tensors = try config.string("tensors")
        precision = try config.choice("precision")
        hosts = try config.choice("hosts", default: .any)
        at = Set(WeightPrecision.allCases)
        guard config.has("at") else { return }
        at = Set(
            try config.strings("at").map { text throws(ModelError) in
                guard let precision = WeightPrecision(rawValue: text) else {
                    let known = WeightPrecision.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
                    throw config.refusal("at", "'\(text)' is none of \(known)")
                }
                return precision
            })
    }
}
