// The JSON of a job, field by field. docs/job.schema.json says the same to other programs, and a test holds them together.

import JSONText

extension JobRequest {
    static let maximumPromptLength = 16_384
    static let maximumModelNameLength = 128
    static let maximumLatencyBudget = Duration.seconds(24 * 3600)

    static let fields = [
        "id", "prompt", "negative_prompt", "width", "height", "init_image", "strength", "seed", "steps",
        "guidance_scale", "sampler", "rng",
        "model", "precision", "latency_budget", "deadline", "max_memory", "priority", "output",
    ]

    /// Reads one job from parsed JSON; the paths of errors begin with `path`.
    public init(json: JSONValue, at path: String = "") throws(JobError) {
        let reader = try FieldReader(json, at: path, fields: Self.fields)
        guard let prompt = try reader.prompt("prompt") else { throw .missingField(path: reader.path("prompt")) }
        self.init(prompt: prompt, negativePrompt: try reader.prompt("negative_prompt"))
        id = try reader.id("id")
        width = try reader.integer("width", in: 8...16_384)
        height = try reader.integer("height", in: 8...16_384)
        initImage = try reader.spoolPath("init_image", below: ["images", "done"])
        strength = try reader.strength("strength")
        guard initImage != nil || strength == nil else {
            throw reader.invalid("strength", "goes with an init_image, and there is none")
        }
        seed = try reader.integer("seed", in: 0...UInt64.max)
        steps = try reader.integer("steps", in: 1...1000)
        guidanceScale = try reader.double("guidance_scale", in: 0...100)
        sampler = try reader.choice("sampler")
        rng = try reader.choice("rng")
        model = try reader.model("model")
        precision = try reader.choice("precision")
        latencyBudget = try reader.latencyBudget("latency_budget")
        deadline = try reader.timestamp("deadline")
        maxMemory = try reader.memory("max_memory")
        priority = try reader.integer("priority", in: -100...100) ?? 0
        if let json = reader.value("output") { output = try Output(json: json, at: reader.path("output")) }
    }

    /// The request as JSON, without the fields that are not set.
    public var json: JSONValue {
        var members = [
            id.map { JSONValue.Member("id", .string($0.rawValue)) },
            JSONValue.Member("prompt", .string(prompt)),
            negativePrompt.map { JSONValue.Member("negative_prompt", .string($0)) },
            width.map { JSONValue.Member("width", .number(JSONNumber($0))) },
            height.map { JSONValue.Member("height", .number(JSONNumber($0))) },
            initImage.map { JSONValue.Member("init_image", .string($0)) },
            strength.map { JSONValue.Member("strength", .number(JSONNumber($0))) },
            seed.map { JSONValue.Member("seed", .number(JSONNumber($0))) },
            steps.map { JSONValue.Member("steps", .number(JSONNumber($0))) },
            guidanceScale.map { JSONValue.Member("guidance_scale", .number(JSONNumber($0))) },
            sampler.map { JSONValue.Member("sampler", .string($0.rawValue)) },
            rng.map { JSONValue.Member("rng", .string($0.rawValue)) },
            model.map { JSONValue.Member("model", .string($0)) },
            precision.map { JSONValue.Member("precision", .string($0.rawValue)) },
            latencyBudget.map { JSONValue.Member("latency_budget", .string(DurationText.text($0))) },
            deadline.map { JSONValue.Member("deadline", .string($0.description)) },
            maxMemory.map { JSONValue.Member("max_memory", .string(SizeText.text($0))) },
            priority == 0 ? nil : JSONValue.Member("priority", .number(JSONNumber(priority))),
        ].compactMap { $0 }
        if output != Output() { members.append(JSONValue.Member("output", output.json)) }
        return .object(members)
    }
}

extension JobRequest.Output {
    static let fields = ["name", "quality", "lossless"]

    init(json: JSONValue, at path: String) throws(JobError) {
        let reader = try FieldReader(json, at: path, fields: Self.fields)
        self.init(
            name: try reader.resultName("name"), quality: try reader.integer("quality", in: 0...100),
            lossless: try reader.bool("lossless"))
    }

    var json: JSONValue {
        let members = [
            name.map { JSONValue.Member("name", .string($0.rawValue)) },
            quality.map { JSONValue.Member("quality", .number(JSONNumber($0))) },
            lossless.map { JSONValue.Member("lossless", .bool($0)) },
        ]
        return .object(members.compactMap { $0 })
    }
}

extension FieldReader {
    /// Text for a model: bounded, and free of the characters that XML (so the picture's metadata) cannot hold.
    fileprivate func prompt(_ field: String) throws(JobError) -> String? {
        guard let text = try string(field) else { return nil }
        let count = text.unicodeScalars.count
        guard count <= JobRequest.maximumPromptLength else {
            throw invalid(field, "has \(count) characters; at most \(JobRequest.maximumPromptLength) are allowed")
        }
        if let scalar = text.unicodeScalars.first(where: { !$0.isAllowedInXML }) {
            let digits = String(scalar.value, radix: 16, uppercase: true)
            throw invalid(
                field, "contains the control character U+\(String(repeating: "0", count: 4 - digits.count))\(digits)")
        }
        return text
    }

    fileprivate func id(_ field: String) throws(JobError) -> JobID? {
        guard let text = try string(field) else { return nil }
        guard let id = JobID(rawValue: text) else {
            let rule =
                "1 to \(JobID.maximumLength) letters, digits, dots, underscores or hyphens, a letter or digit first"
            throw invalid(field, "must be \(rule)")
        }
        return id
    }

    fileprivate func model(_ field: String) throws(JobError) -> String? {
        guard let text = try string(field) else { return nil }
        if let problem = PathComponent.problem(with: text, maximumLength: JobRequest.maximumModelNameLength) {
            throw invalid(field, problem)
        }
        return text
    }

    /// A path of plain names, the first of them one of `folders`.
    fileprivate func spoolPath(_ field: String, below folders: [String]) throws(JobError) -> String? {
        guard let text = try string(field) else { return nil }
        if let problem = SpoolPath.problem(with: text, folders: folders) { throw invalid(field, problem) }
        return text
    }

    fileprivate func strength(_ field: String) throws(JobError) -> Double? {
        guard let strength = try double(field, in: 0...1) else { return nil }
        guard strength > 0 else { throw invalid(field, "must be above 0 and at most 1, not 0") }
        return strength
    }

    fileprivate func latencyBudget(_ field: String) throws(JobError) -> Duration? {
        let budget: Duration?
        switch value(field) {
        case nil: return nil
        case .number(let number): budget = DurationText.duration(seconds: number.double)
        case .string(let text): budget = DurationText.duration(text)
        case .some(let other):
            throw .wrongType(path: path(field), expected: "a duration such as \"20s\"", found: other.kind)
        }
        guard let budget else { throw invalid(field, "must be a duration such as \"20s\", \"1m30s\" or \"500ms\"") }
        guard budget > .zero, budget <= JobRequest.maximumLatencyBudget else {
            throw invalid(field, "must be above 0 and at most 24h")
        }
        return budget
    }

    fileprivate func memory(_ field: String) throws(JobError) -> Int? {
        let size: Int?
        switch value(field) {
        case nil: return nil
        case .number(let number): size = number.integer(Int.self)
        case .string(let text): size = SizeText.bytes(text)
        case .some(let other):
            throw .wrongType(path: path(field), expected: "a size such as \"512MiB\"", found: other.kind)
        }
        guard let size, size > 0 else {
            throw invalid(field, "must be a size such as \"512MiB\" or \"1.5GiB\", above 0 and below 8EiB")
        }
        return size
    }

    fileprivate func timestamp(_ field: String) throws(JobError) -> Timestamp? {
        guard let text = try string(field) else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw invalid(
                field, "must be a time with an offset as RFC 3339 has it, such as \"2030-12-24T18:00:00+01:00\"")
        }
        return time
    }

    fileprivate func resultName(_ field: String) throws(JobError) -> ResultName? {
        guard let text = try string(field) else { return nil }
        if let problem = ResultName.problem(with: text, maximumLength: ResultName.maximumRequestedLength) {
            throw invalid(field, problem)
        }
        return ResultName(rawValue: text)
    }
}

extension Unicode.Scalar {
    /// Char of XML 1.0, section 2.2.
    fileprivate var isAllowedInXML: Bool {
        switch value {
        case 0x09, 0x0A, 0x0D, 0x20...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }
}
