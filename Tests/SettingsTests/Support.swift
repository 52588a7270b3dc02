import Foundation
import Settings
import SystemPackage

/// A directory of one test's own, gone when the test ends.
final class TemporaryDirectory {
    let path: FilePath

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "latentd-settings-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = FilePath(url.path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path.string)
    }

    func write(_ text: String, as name: String = "latentd.yaml") throws -> FilePath {
        let file = path.appending(name)
        try Data(text.utf8).write(to: URL(filePath: file.string))
        return file
    }
}

/// Settings as the daemon loads them from a file of `text`.
func load(
    _ text: String, environment: [String: String] = [:], overrides: [SettingKey: String] = [:]
) throws -> Settings {
    let directory = try TemporaryDirectory()
    return try Settings.load(
        layout: Layout(root: directory.path), configuration: directory.write(text), environment: environment,
        overrides: overrides)
}

/// What loading a file of `text` complains about, with the file's directory cut away.
func complaint(
    _ text: String, environment: [String: String] = [:], overrides: [SettingKey: String] = [:]
) throws -> String {
    let directory = try TemporaryDirectory()
    let file = try directory.write(text)
    do {
        _ = try Settings.load(
            layout: Layout(root: directory.path), configuration: file, environment: environment, overrides: overrides)
        return "no complaint"
    } catch {
        return error.description.replacingOccurrences(of: directory.path.string + "/", with: "")
    }
}
