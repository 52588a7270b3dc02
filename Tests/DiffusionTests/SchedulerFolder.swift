import Foundation
import Models

/// A folder with no more of a model than what names its scheduler; it goes with this value.
final class SchedulerFolder {
    let folder: ModelFolder

    /// - Parameter index: the class in `model_index.json`, which says nothing of a scheduler where it is nil.
    init(index: String?, file: [String: Any], pipeline: String = "StableDiffusionPipeline") throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("latentd-\(UUID().uuidString)")
        let scheduler = url.appendingPathComponent("scheduler")
        try FileManager.default.createDirectory(at: scheduler, withIntermediateDirectories: true)
        var members: [String: Any] = ["_class_name": pipeline]
        if let index { members["scheduler"] = ["diffusers", index] }
        try JSONSerialization.data(withJSONObject: members).write(to: url.appendingPathComponent("model_index.json"))
        try SchedulerFolder.json(file).write(to: scheduler.appendingPathComponent("scheduler_config.json"))
        folder = try ModelFolder(path: url.path)
    }

    /// With infinities as Python writes them, which Foundation does not.
    private static func json(_ members: [String: Any]) throws -> Data {
        let parts = try members.sorted { $0.key < $1.key }.map { name, value in
            let text: String
            if let number = value as? Double, number.isInfinite {
                text = number < 0 ? "-Infinity" : "Infinity"
            } else {
                let data = try JSONSerialization.data(withJSONObject: value, options: .fragmentsAllowed)
                text = String(decoding: data, as: UTF8.self)
            }
            return "\"\(name)\": \(text)"
        }
        return Data("{\(parts.joined(separator: ", "))}".utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder.path) }
}
