import Diffusion
import Foundation
import Models

/// A folder with no more of a model than what names its scheduler.
enum SchedulerFolder {
    /// What latentd reads of such a folder.
    static func configuration(index: String?, file: [String: Any]) throws -> SchedulerConfiguration {
        try with(index: index, file: file) { folder in try SchedulerConfiguration(folder, repairs: true) }
    }

    /// What is read of the folder, which is gone with the call.
    ///
    /// - Parameter index: the class in `model_index.json`, which says nothing of a scheduler where it is nil.
    static func with<Result>(
        index: String?, file: [String: Any], _ read: (ModelFolder) throws -> Result
    ) throws -> Result {
        let scratch = try ScratchFolder()
        let url = URL(fileURLWithPath: scratch.path)
        let scheduler = url.appendingPathComponent("scheduler")
        try FileManager.default.createDirectory(at: scheduler, withIntermediateDirectories: true)
        var members: [String: Any] = ["_class_name": "StableDiffusionPipeline"]
        if let index { members["scheduler"] = ["diffusers", index] }
        try JSONSerialization.data(withJSONObject: members).write(to: url.appendingPathComponent("model_index.json"))
        try json(file).write(to: scheduler.appendingPathComponent("scheduler_config.json"))
        return try read(ModelFolder(path: scratch.path))
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
}
