import Glibc
import JSONText

/// The alphas of a LoRA's layers: alpha divided by the rank is the scale of a layer's product. It stands in a tensor of the layer, else in
/// what peft writes into the metadata as `lora_adapter_metadata`; where it stands in neither, alpha is the rank.
struct LoRAAlphas {
    private let path: String
    private let config: Config

    init(_ archive: TensorArchive) throws(ModelError) {
        path = archive.file
        let text = archive.metadata["lora_adapter_metadata"] ?? "{}"
        let parsed = Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(JSONError) in try JSON(parsing: bytes) }
        }
        guard case .success(.object(let members)) = parsed else {
            throw .malformed(file: path, reason: "its 'lora_adapter_metadata' is not a JSON object")
        }
        config = Config(file: path, members: members, path: "lora_adapter_metadata.")
    }

    /// What the product of a layer is multiplied by.
    ///
    /// - Parameter own: the layer's own alpha.
    func scale(of layer: String, in component: String, own: Double?, rank: Int) throws(ModelError) -> Double {
        if let own { return own / Double(rank) }
        let common = try config.number("\(component).lora_alpha", default: Double(rank))
        let alpha = try pattern(layer, component) ?? common
        // Kalajdzievski, https://arxiv.org/abs/2312.03732.
        let isStabilized = try config.bool("\(component).use_rslora", default: false)
        return alpha / (isStabilized ? Double(rank).squareRoot() : Double(rank))
    }

    /// The alpha of the pattern that a layer's name ends with; nil where none fits.
    private func pattern(_ layer: String, _ component: String) throws(ModelError) -> Double? {
        let field = "\(component).alpha_pattern"
        guard config.has(field) else { return nil }
        let patterns = try config.object(field)
        for pattern in patterns.members.keys.sorted() {
            guard pattern.utf8.allSatisfy({ isalnum(Int32($0)) != 0 || "_.".utf8.contains($0) }) else {
                throw patterns.refusal(pattern, "it is a pattern, where the end of a layer's name can be read")
            }
            if layer == pattern || layer.hasSuffix(".\(pattern)") { return try patterns.number(pattern) }
        }
        return nil
    }
}
