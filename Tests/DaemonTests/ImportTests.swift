import Foundation
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

    @Test("ranks the layers by what rounding each does")
    func sensitivity() async throws {
        let source = Executable.fixtureModels + "/sd1"
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
