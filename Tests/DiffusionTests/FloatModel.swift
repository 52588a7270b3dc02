import Foundation
import Models

/// A copy of a tiny model whose weights are 32-bit floats, which are used where they lie in the mapped file, and may be changed on the way.
struct FloatModel {
    let path: String

    /// - Parameter edit: is given the component, the name and the elements of every tensor.
    init(
        _ model: String, in folder: String,
        edit: (_ component: String, _ name: String, _ values: inout [Float]) -> Void = { _, _, _ in }
    ) throws {
        path = "\(folder)/\(model)"
        try FileManager.default.copyItem(atPath: GoldenIndex.model(model), toPath: path)
        for component in ["text_encoder", "unet", "vae"] {
            let file = file(component), stored = try TensorArchive(file: file)
            var writer = SafetensorsWriter()
            for (name, entry) in stored.entries.sorted(by: { $0.key < $1.key }) {
                guard entry.format.elementType != nil else { continue }
                var values = entry.floats()
                edit(component, name, &values)
                writer.add(name, values, shape: entry.shape)
            }
            try writer.write(to: file)
        }
    }

    /// The one file of a component's weights.
    func file(_ component: String) -> String {
        "\(path)/\(component)/\(component == "text_encoder" ? "model" : "diffusion_pytorch_model").safetensors"
    }
}
