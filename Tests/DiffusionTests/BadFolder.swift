import Foundation
import Models
import Testing

/// One way to spoil a good model folder, and what the error must mention.
struct BadFolder: Sendable, CustomTestStringConvertible {
    /// What is done to the copy of a tiny model.
    enum Edit: Sendable {
        /// A field of a JSON file gets another value, given as JSON.
        case set(file: String, field: String, value: String)
        /// A field is taken out.
        case unset(file: String, field: String)
        /// A file has other bytes.
        case write(file: String, text: String)
        /// A file or a folder is gone.
        case remove(String)
        /// A file is cut to its first part.
        case truncate(file: String, byteCount: Int)
        /// A tensor of the UNet is gone.
        case dropTensor(String)
        /// A tensor of the UNet has another shape of as many elements, or is new.
        case putTensor(String, shape: [Int])
    }

    /// The tiny model that is spoiled.
    let model: String
    let edit: Edit
    let mentions: [String]

    init(_ edit: Edit, of model: String = "lcm", mentions: String...) {
        self.model = model
        self.edit = edit
        self.mentions = mentions
    }

    /// Another value for a field; the error must name file and field, and `mention`.
    static func field(_ file: String, _ field: String, _ value: String, _ mention: String? = nil) -> BadFolder {
        let edit = Edit.set(file: file, field: field, value: value)
        return BadFolder(edit, mentions: file, field, mention ?? field)
    }

    /// Another value for a field of the UNet's configuration.
    static func unet(_ field: String, _ value: String, _ mention: String? = nil) -> BadFolder {
        .field("unet/config.json", field, value, mention)
    }

    var testDescription: String { "\(edit)" }

    /// Copies the model into `folder` and spoils the copy. Returns its path.
    func make(in folder: URL) throws -> String {
        let copy = folder.appendingPathComponent(model)
        try FileManager.default.copyItem(at: URL(fileURLWithPath: GoldenIndex.model(model)), to: copy)
        func url(_ file: String) -> URL { copy.appendingPathComponent(file) }
        switch edit {
        case .set(let file, let field, let value):
            let json = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
            try change(url(file)) { $0[field] = json }
        case .unset(let file, let field): try change(url(file)) { $0[field] = nil }
        case .write(let file, let text): try Data(text.utf8).write(to: url(file))
        case .remove(let file): try FileManager.default.removeItem(at: url(file))
        case .truncate(let file, let count): try Data(contentsOf: url(file)).prefix(count).write(to: url(file))
        case .dropTensor(let name): try rewrite(url("unet")) { $0[name] = nil }
        case .putTensor(let name, let shape): try rewrite(url("unet")) { $0[name] = shape }
        }
        return copy.path
    }

    private func change(_ url: URL, _ body: (inout [String: Any]) -> Void) throws {
        var members = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
        body(&members)
        try JSONSerialization.data(withJSONObject: members).write(to: url)
    }

    /// Writes a component's checkpoint anew with zeros of the given shapes.
    private func rewrite(_ folder: URL, _ body: (inout [String: [Int]]) -> Void) throws {
        let path = folder.appendingPathComponent("diffusion_pytorch_model.safetensors").path
        var shapes = try TensorArchive(file: path).entries.mapValues(\.shape)
        body(&shapes)
        var writer = SafetensorsWriter()
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            writer.add(name, [Float](repeating: 0, count: shape.reduce(1, *)), shape: shape)
        }
        try writer.write(to: path)
    }
}
