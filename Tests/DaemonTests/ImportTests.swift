import Foundation
import Glibc
import JSONText
import Jobs
import Testing

@Suite("latentd import", .timeLimit(.minutes(2)))
struct ImportTests {
    private func latentd(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
        try await Executable.run(Executable.latentd, arguments)
    }

    @Test("imports a model that can be rendered, refuses to replace it, and replaces it when told to")
    func imports() async throws {
        let root = try Root()
        let source = Executable.fixtureModels + "/sd1", output = root.path + "/models"
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let first = try await latentd("import", source, "--precision", "int8", "--output", output, "--json")
        #expect(first.code == 0, "\(first.errors)")
        #expect(try JSONValue(parsing: first.output.utf8)["path"] == .string("\(output)/sd1-int8"))
        #expect(first.errors.contains("100 %"))
        let second = try await latentd("import", source, "--precision", "int8", "--output", output)
        #expect(second.code == 73 && second.errors.contains("sd1-int8"), "\(second.errors)")
        let third = try await latentd(
            "import", source, "--precision", "int4", "--name", "sd1-int8", "--output", output, "--force")
        #expect(third.code == 0, "\(third.errors)")
        let job = root.path + "/job.json"
        try Data(#"{"prompt":"a","model":"sd1-int8","steps":1}"#.utf8).write(to: URL(fileURLWithPath: job))
        let picture = try await latentd("render", job, "--models", output, "--output", root.path + "/out.webp")
        #expect(picture.code == 0, "\(picture.errors)")
    }

    @Test("what is wrong with the arguments is said, with sysexits.h's codes")
    func errors() async throws {
        let root = try Root()
        let source = Executable.fixtureModels + "/sd1"
        let rules = root.path + "/rules.json"
        try Data(#"{"rules": [{"component": "unet", "tensors": "*", "precision": "fp7"}]}"#.utf8).write(
            to: URL(fileURLWithPath: rules))
        let cases: [(arguments: [String], code: Int32, says: String)] = [
            ([source], 64, "precision"), ([source, "--precision", "int7"], 64, "int8"),
            ([root.path + "/none", "--precision", "int8"], 66, "none"),
            ([source, "--precision", "int8", "--rules", rules], 65, "rules[0].precision"),
            ([source, "--precision", "int8", "--output", root.path + "/no/folder"], 73, "no/folder"),
            ([source, "--precision", "int8", "--output", root.path, "--name", "a/b"], 65, "a/b"),
        ]
        for wrong in cases {
            let end = try await Executable.run(Executable.latentd, ["import"] + wrong.arguments)
            #expect(end.code == wrong.code && end.errors.contains(wrong.says), "\(wrong.arguments) \(end.errors)")
        }
    }

    @Test(
        "killed at any moment, it leaves no half model, and the next one finds nothing of it", arguments: [false, true])
    func kills(replaces: Bool) async throws {
        let root = try Root()
        let source = Executable.fixtureModels + "/sd1", output = root.path + "/models", name = "sd1-int8"
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        func arguments(_ precision: String) -> [String] {
            ["import", source, "--precision", precision, "--name", name, "--output", output, "--threads", "1"]
                + (replaces ? ["--force"] : [])
        }
        let whole = try await Executable.run(Executable.latentd, arguments("int8"))
        let expected = try files(below: "\(output)/\(name)")
        let lines = whole.errors.split(separator: "\n").count
        #expect(lines > 5, "\(whole.errors)")
        var older: [String: Data]?
        for moment in 0...lines {
            try FileManager.default.removeItem(atPath: "\(output)/\(name)")
            if replaces {
                _ = try await Executable.run(Executable.latentd, arguments("int4"))
                older = try files(below: "\(output)/\(name)")
            }
            try await Executable.kill(Executable.latentd, arguments("int8"), afterLines: moment)

            // Two lines at the most were written after the one that was read, the last of them when all weights were.
            let found = try files(below: "\(output)/\(name)")
            let isUnfinished = moment + 2 <= lines
            let left = root.names("models"), isAside = left.contains(".\(name).replaced")
            #expect(found == older || !isUnfinished && (found == expected || isAside), "killed at line \(moment)")
            if isUnfinished && moment > 0 { #expect(left.contains(".\(name).importing")) }
            if found == nil { try await expectNoModel(name, in: root) }

            let second = try await Executable.run(Executable.latentd, arguments("int8"))
            #expect(second.code == (found == expected && !replaces ? 73 : 0), "\(second.errors)")
            #expect(try files(below: "\(output)/\(name)") == expected)
            #expect(root.names("models") == [name])
        }
    }

    @Test(
        "stopped by a signal at any moment, it leaves nothing and dies of that signal",
        arguments: [SIGTERM, SIGINT, SIGHUP])
    func stops(signal: Int32) async throws {
        let root = try Root()
        let source = Executable.fixtureModels + "/sd1", output = root.path + "/models"
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let arguments = [
            "import", source, "--precision", "int8", "--name", "new", "--output", output, "--threads", "1",
        ]
        for lines in 1...4 {
            let end = try await Executable.kill(Executable.latentd, arguments, afterLines: lines, by: signal)
            #expect(end == -signal, "stopped after line \(lines)")
            #expect(root.names("models").isEmpty, "stopped after line \(lines)")
        }
    }

    /// What every file of a folder holds, by its path; nil without a folder.
    private func files(below folder: String) throws -> [String: Data]? {
        guard FileManager.default.fileExists(atPath: folder) else { return nil }
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder)
        let contents = paths.compactMap { path in
            FileManager.default.contents(atPath: "\(folder)/\(path)").map { (path, $0) }
        }
        return Dictionary(uniqueKeysWithValues: contents)
    }

    private func expectNoModel(_ name: String, in root: Root) async throws {
        let job = root.path + "/job.json"
        try Data(#"{"prompt":"a","model":"\#(name)","steps":1}"#.utf8).write(to: URL(fileURLWithPath: job))
        let picture = try await latentd(
            "render", job, "--models", root.path + "/models", "--output", root.path + "/out.webp")
        #expect(picture.code != 0 && picture.errors.contains("no model is installed"), "\(picture.errors)")
    }

    @Test("ranks the layers by what rounding each does")
    func sensitivity() async throws {
        // The one fixture whose own pictures are small: its 7 x 9 latents stay as they are.
        let source = Executable.fixtureModels + "/odd"
        let end = try await latentd("import", source, "--precision", "int4", "--sensitivity", "--limit", "3", "--json")
        #expect(end.code == 0, "\(end.errors)")
        let layers = try JSONValue(parsing: end.output.utf8)
        guard case .array(let elements) = layers else {
            Issue.record("no array: \(end.output)")
            return
        }
        #expect(elements.count == 3 && elements.allSatisfy { $0["error"] != nil && $0["name"] != nil })
    }
}
