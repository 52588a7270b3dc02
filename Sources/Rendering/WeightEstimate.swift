import Compute
import Models

/// The private memory that a model's weights will take, from the headers of their files alone: at the least what loading the largest
/// component allocates, so that a model which cannot fit is refused before the first byte of it is read.
enum WeightEstimate {
    /// Bytes once the largest component is loaded without a cache folder: half-precision tensors become floats, and the matrices and
    /// filters that the product kernels read are laid out anew, at `precision` or as `rules` say; all else stays mapped. With a
    /// cache folder all of it is mapped from there, and a model's weights take no private memory.
    static func privateBytes(
        of folder: ModelFolder, at precision: WeightPrecision = .fp32, rules: PrecisionRules
    ) throws(ModelError) -> Int {
        var most = 0
        for component in folder.form.components {
            var total = 0
            let checkpoint = try folder.checkpoint(component)
            for name in checkpoint.names where !component.passedOver.contains(where: name.hasPrefix) {
                guard let entry = checkpoint[name], entry.count > 0 else { continue }
                let ruled = rules.precision(of: name, in: component.name, at: precision)
                let isPacked = entry.shape.count > 1 && !name.hasSuffix(".scale") && !isTable(name)
                if isPacked, !component.keepsRows || ruled != .fp32 {
                    let channels = entry.shape[1] * (entry.format == .u8 ? 2 : 1)
                    let isFilter = entry.shape.count == 4
                    total +=
                        PanelLayout(
                            ruled, outputs: entry.shape[0], channels: channels, height: isFilter ? entry.shape[2] : 1,
                            width: isFilter ? entry.shape[3] : 1, stride: name.contains(".downsamplers.") ? 2 : 1
                        ).byteCount
                } else if entry.format == .f16 || entry.format == .bf16, !isTable(name), !name.hasSuffix(".scale") {
                    total += entry.count * 4
                }
            }
            most = max(most, total)
        }
        return most
    }

    /// What is looked up where it lies.
    private static func isTable(_ name: String) -> Bool { name.hasSuffix("_embedding.weight") }
}
