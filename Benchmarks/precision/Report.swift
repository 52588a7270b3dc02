import Foundation

/// What was found, as Markdown or as JSON.
struct Report: Encodable {
    let model: String
    /// How many.
    let prompts: Int
    var pictures: [PictureErrors] = []
    var stages: [StageErrors] = []

    /// One network's blocks.
    struct StageErrors: Encodable {
        let stage: String
        let paths: [String]
        let precisions: [BlockErrors]
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    var table: String {
        var lines: [String] = []
        if !pictures.isEmpty {
            lines += [
                "\(model): \(prompts) prompts against fp32", "",
                "| precision | median PSNR | least PSNR | largest difference of 255 |", "|---|---:|---:|---:|",
            ]
            lines += pictures.map { errors in
                let figures = String(format: "%.1f dB | %.1f dB", errors.median, errors.least)
                return "| \(errors.precision) | \(figures) | \(errors.largestDifference) |"
            }
        }
        for stage in stages {
            if !lines.isEmpty { lines.append("") }
            lines += [
                "\(model), \(stage.stage): relative error of each block", "",
                "| block | " + stage.precisions.map(\.precision).joined(separator: " | ") + " |",
                "|---" + String(repeating: "|---:", count: stage.precisions.count) + "|",
            ]
            lines += stage.paths.enumerated().map { index, path in
                let errors = stage.precisions.map { String(format: "%.2g", $0.errors[index]) }
                return "| `\(path)` | \(errors.joined(separator: " | ")) |"
            }
        }
        return lines.joined(separator: "\n")
    }
}
