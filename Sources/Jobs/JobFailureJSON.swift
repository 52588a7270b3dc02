import JSONText

extension JobFailure {
    /// The failure as a JSON object.
    public var json: JSONValue {
        let members = [
            JSONValue.Member("kind", .string(kind.rawValue)), JSONValue.Member("code", .string(code)),
            field.map { JSONValue.Member("field", .string($0)) }, JSONValue.Member("message", .string(message)),
        ]
        return .object(members.compactMap { $0 })
    }

    /// Reads what `json` wrote.
    public init(json: JSONValue) throws(JobError) {
        let reader = try FieldReader(json, at: "failure", fields: ["kind", "code", "field", "message"])
        guard let kind: Kind = try reader.choice("kind") else { throw .missingField(path: reader.path("kind")) }
        guard let code = try reader.string("code") else { throw .missingField(path: reader.path("code")) }
        guard let message = try reader.string("message") else { throw .missingField(path: reader.path("message")) }
        self.init(kind: kind, code: code, field: try reader.string("field"), message: message)
    }
}
