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
        /// The part of a model that it is about: `unet`.
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
    /// Reads a file of rules for models of a form.
    public init(file: String, for form: ModelForm) throws(ModelError) {
        let config = try Config(file: file)
        if let unknown = config.members.keys.filter({ $0 != "rules" }).min() {
            throw config.refusal(unknown, "a file of rules has no such field")
        }
        try self.init(config, for: form)
    }

    /// Reads the field `rules` of an object; each rule must be about a component of the form.
    public init(_ config: Config, for form: ModelForm) throws(ModelError) {
        guard case .array(let elements)? = config.members["rules"] else {
            throw config.refusal("rules", "it is not an array of rules")
        }
        rules = try elements.enumerated().map { index, element throws(ModelError) in
            guard case .object(let members) = element else {
                throw config.refusal("rules[\(index)]", "it is not an object")
            }
            let config = Config(file: config.file, members: members, path: "rules[\(index)].")
            let rule = try Rule(config)
            guard form.components.contains(where: { $0.name == rule.component }) else {
                let known = form.components.map { "'\($0.name)'" }.joined(separator: ", ")
                throw config.refusal("component", "'\(rule.component)' is none of \(known)")
            }
            return rule
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
