import Compute

/// A low-rank adaptation of a model, matched with the weights that it changes: `W + scale * alpha / rank * up * down`.
///
/// Every tensor of its file must belong to a layer of the model and fit it: one that was passed over would be missing in the pictures.
/// Opening reads headers; numbers are read when they are added. Hu et al., https://arxiv.org/abs/2106.09685.
public struct LoRA {
    /// A file, and the factor of its changes.
    struct Source: Hashable {
        let path: String
        let scale: Double

        /// `FILE`, or `FILE=SCALE` with a number at the end.
        init(_ text: String) {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            if parts.count > 1, let last = parts.last, let scale = Double(last), scale.isFinite {
                path = String(text.dropLast(last.count + 1))
                self.scale = scale
            } else {
                (path, scale) = (text, 1)
            }
        }

        /// Without its folder.
        var fileName: String { path.split(separator: "/").last.map(String.init) ?? path }
    }

    /// What a LoRA is called: the name of the file in `FILE` or `FILE=SCALE`, without folder and `.safetensors`.
    public static func title(_ text: String) -> String {
        let name = Source(text).fileName, suffix = ".safetensors"
        return name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
    }

    private let source: Source
    private let archive: TensorArchive
    /// By component and tensor.
    private var changes: [String: [String: LoRAChange]] = [:]

    /// Opens a file and finds the weights that it changes.
    init(_ source: Source, for checkpoints: [String: TensorArchive]) throws(ModelError) {
        self.source = source
        archive = try TensorArchive(file: source.path)
        let alphas = try LoRAAlphas(archive), targets = checkpoints.mapValues(LoRA.targets)
        var found: [String: [String: LoRAChange.Parts]] = [:]
        for name in archive.names.sorted() {
            guard let key = LoRAKey(name) else {
                throw .badTensor(file: source.path, name: name, reason: LoRA.refusal(of: name))
            }
            let homes = key.components.compactMap { component in
                targets[component]?[key.folded].map { (component, $0) }
            }
            guard let (component, target) = homes.first else {
                // A name without a network's prefix may belong to something other than a LoRA.
                let component = key.components[0]
                let reason =
                    key.components.count > 1
                    ? LoRA.refusal(of: name)
                    : targets[component] == nil
                        ? "the model has no \(component)" : "the model's \(component) has no such layer"
                throw .badTensor(file: source.path, name: name, reason: reason)
            }
            let older = found[component, default: [:]][target, default: .init(layer: key.layer)].names
                .updateValue(name, forKey: key.role)
            if let older {
                throw .badTensor(file: source.path, name: name, reason: "'\(older)' is for the same")
            }
        }
        for (component, parts) in found {
            guard let checkpoint = checkpoints[component] else { continue }
            for (target, parts) in parts.sorted(by: { $0.key < $1.key }) {
                let scale = { (own: Double?, rank: Int) throws(ModelError) in
                    try alphas.scale(of: parts.layer, in: component, own: own, rank: rank) * source.scale
                }
                changes[component, default: [:]][target] = try LoRAChange(parts, archive, target, checkpoint, scale)
            }
        }
    }

    /// The file, if it was written in place since it was opened.
    var changedFile: String? { archive.changedFile }

    /// What is added to a tensor of a component; nil for one that stays as it is.
    func change(of name: String, in component: String) -> LoRAChange? { changes[component]?[name] }

    /// What a manifest says of it.
    var json: JSON {
        let digests = archive.mappings.map { file in file.withBytes { SHA256.hexadecimal($0) } }
        return .object([
            "name": .string(source.fileName), "scale": .number(source.scale),
            "sha256": .string(digests.joined(separator: " ")),
        ])
    }

    /// The weights of a checkpoint by the names of their layers, spelled as `LoRAKey` folds them; those of a UNet by their old names, too.
    private static func targets(_ checkpoint: TensorArchive) -> [String: String] {
        let layers = checkpoint.names.filter { $0.hasSuffix(".weight") }.map { String($0.dropLast(7)) }
        var targets = Dictionary(layers.map { (LoRAKey.folded($0[...]), "\($0).weight") }) { first, _ in first }
        let old = LDMNames(layers)
        for layer in layers {
            if let name = old.name(of: layer) { targets[LoRAKey.folded(name[...])] = "\(layer).weight" }
        }
        return targets
    }

    /// Why a tensor of this name cannot be used.
    private static func refusal(of name: String) -> String {
        let other = [
            ("DoRA", ["lora_magnitude_vector", "dora_scale"]), ("LoHa", ["hada_"]), ("LoKr", ["lokr_"]),
            ("(IA)3", ["ia3_", "on_input"]), ("OFT", ["oft_"]), ("LoRA with a core tensor", ["lora_mid"]),
        ].first { $0.1.contains { name.contains($0) } }
        let rest = "it is neither a half of a LoRA nor its alpha, for the UNet or the text encoder"
        return other.map { "\(rest): it is of a \($0.0), which is not supported" } ?? rest
    }
}
