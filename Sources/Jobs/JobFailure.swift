import JSONText

/// Why a job has no picture: what `failed/NAME.json`, the queue and the journal say.
public struct JobFailure: Codable, Hashable, Sendable {
    /// Whether another attempt is worth making.
    public enum Kind: String, Codable, CaseIterable, Sendable {
        case transient
        case permanent
    }

    /// Whether another attempt is worth making.
    public var kind: Kind
    /// A stable word for programs: one of `Code`, or another target's own.
    public var code: String
    /// The path of the field that is at fault, such as `jobs[3].output.quality`.
    public var field: String?
    /// A sentence that an operator can act on.
    public var message: String

    /// A failure that says all there is to say.
    public init(kind: Kind, code: String, field: String? = nil, message: String) {
        self.kind = kind
        self.code = code
        self.field = field
        self.message = message
    }

    /// The failure of a job that was never one. What it quotes of the job is cut where it is long.
    public init(_ error: JobError) {
        self.init(
            kind: .permanent, code: Code.invalidJob, field: error.field.map(Self.shortened),
            message: Self.shortened(error.description))
    }

    private static func shortened(_ text: String) -> String {
        let limit = 1000
        guard text.unicodeScalars.count > limit else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit))) + "..."
    }

    /// The words that the queue itself uses.
    public enum Code {
        /// The job file, or the job in it, is wrong.
        public static let invalidJob = "invalid_job"
        /// The daemon died under it too often.
        public static let crashed = "crashed"
        /// What lies in `incoming/` is no readable regular file.
        public static let invalidFile = "invalid_file"
    }
}

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
