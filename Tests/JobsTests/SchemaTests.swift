import Foundation
import JSONText
import Jobs
import Testing

/// Holds `docs/job.schema.json` and the decoder together: both take the same corpus and name the same fields.
struct SchemaTests {
    private let schema: Schema

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let file = folder.appending(path: "../../docs/job.schema.json")
        schema = Schema(root: try JSONValue(parsing: Data(contentsOf: file)))
    }

    @Test(arguments: JobCorpus.good)
    func `The schema accepts what the decoder accepts`(json: String) throws {
        #expect(schema.accepts(try JSONValue(parsing: json.utf8)))
    }

    @Test(arguments: JobCorpus.bad.filter { !$0.isBeyondSchema })
    func `The schema refuses what the decoder refuses`(bad: JobCorpus.Bad) throws {
        #expect(!schema.accepts(try JSONValue(parsing: bad.json.utf8)))
    }

    @Test(arguments: JobCorpus.bad.filter(\.isBeyondSchema))
    func `What the schema cannot say is marked so`(bad: JobCorpus.Bad) throws {
        #expect(schema.accepts(try JSONValue(parsing: bad.json.utf8)))
    }

    @Test func `The schema and the decoder know the same fields`() throws {
        let job = try #require(schema.root["$defs"]?["job"])
        try expectSameFields(in: job) { #"{"prompt": "x", "\#($0)": {"no": "type"}}"# }
        try expectSameFields(in: try #require(job["properties"]?["output"])) {
            #"{"prompt": "x", "output": {"\#($0)": {}}}"#
        }
        // And the other way round: a job with every field set has no field that the schema lacks.
        let all = JobCorpus.good.compactMap { try? JSONValue(parsing: $0.utf8) }.flatMap(\.names)
        guard case .object(let properties)? = job["properties"] else { throw CancellationError() }
        #expect(Set(all) == Set(properties.map(\.name)), "the corpus uses every field")
    }

    /// The decoder must complain about the value of every field that `definition` has, not about the field.
    private func expectSameFields(in definition: JSONValue, job: (String) -> String) throws {
        guard case .object(let properties)? = definition["properties"] else { throw CancellationError() }
        for property in properties where !["prompt", "output"].contains(property.name) {
            let error = try #require(throws: JobError.self) { try JobRequest.decode(json: job(property.name).utf8) }
            if case .unknownField = error { Issue.record("\(error)") }
        }
    }
}

extension JSONValue {
    fileprivate var names: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.name)
    }
}
