import Compute
import Models

/// The private memory that a model's weights will take, from the headers of their files alone: at the least what loading the largest
/// component allocates, so that a model which cannot fit is refused before the first byte of it is read.
enum WeightEstimate {
    /// Bytes once the largest component is loaded without a cache folder: half-precision tensors become floats, and the matrices and
    /// filters that the product kernels read are laid out anew, at `precision` or as `rules` say; all else stays mapped. With a
    /// cache folder all of it is mapped from there, and a model's weights take no private memory.
    static func privateBytes(
        of folder: ModelFolder, at precisions: [WeightPrecision], rules: PrecisionRules
    ) throws(ModelError) -> [WeightPrecision: Int] {
        var most: [WeightPrecision: Int] = [:]
        for component in folder.form.components {
            let checkpoint = try folder.checkpoint(component)
            let entries = checkpoint.entries.filter { name, entry in
                entry.count > 0 && !component.passedOver.contains(where: name.hasPrefix)
            }
            for precision in precisions {
                let total = entries.reduce(0) { $0 + bytes(of: $1.value, $1.key, in: component, at: precision, rules) }
                most[precision] = max(most[precision] ?? 0, total)
            }
        }
        return most
    }

    private static func bytes(
        of entry: TensorEntry, _ name: String, in component: ModelForm.Component, at precision: WeightPrecision,
        _ rules: PrecisionRules
    ) -> Int {
        // Tables are looked up where they lie.
        if name.hasSuffix(".scale") || name.hasSuffix("_embedding.weight") { return 0 }
        let ruled = rules.precision(of: name, in: component.name, at: precision)
        guard entry.shape.count > 1, !component.keepsRows || ruled != .fp32 else {
            return entry.format == .f32 || !entry.format.isReal ? 0 : entry.count * 4
        }
        let channels = entry.shape[1] * (entry.format == .u8 ? 2 : 1)
        let isFilter = entry.shape.count == 4
        return PanelLayout(
            ruled, outputs: entry.shape[0], channels: channels, height: isFilter ? entry.shape[2] : 1,
            width: isFilter ? entry.shape[3] : 1, stride: name.contains(".downsamplers.") ? 2 : 1
        ).byteCount
    }
}
