import ArgumentParser
import Client
import JSONText
import Terms

/// The fields of a job as options; docs/job.schema.json says what each may be.
struct JobOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The prompt, or one job file (NAME.json, NAME.jsonl, NAME.txt), or - for a job file on standard input.",
            valueName: "prompt or file"))
    var words: [String]

    @Option(help: ArgumentHelp("What the picture must not show.", valueName: "text"))
    var negativePrompt: String?

    @Option(help: ArgumentHelp("Pixels.", valueName: "pixels"))
    var width: Int?

    @Option(help: ArgumentHelp("Pixels.", valueName: "pixels"))
    var height: Int?

    @Option(
        help: ArgumentHelp("A picture to begin with: images/FILE or done/FILE in the spool.", valueName: "path"))
    var initImage: String?

    @Option(help: ArgumentHelp("How far to go from --init-image, above 0 to 1; 0.8 without it.", valueName: "part"))
    var strength: Double?

    @Option(help: "The same seed, model and settings give the same picture.")
    var seed: UInt64?

    @Option(help: "Denoising steps.")
    var steps: Int?

    @Option(help: ArgumentHelp("How closely the picture follows the prompt.", valueName: "scale"))
    var guidanceScale: Double?

    @Option(help: ArgumentHelp("One of \(Sampler.list).", valueName: "name"))
    var sampler: String?

    @Option(help: ArgumentHelp("latentd, or torch for the numbers of torch.manual_seed.", valueName: "source"))
    var rng: String?

    @Option(help: ArgumentHelp("Use this model and no other.", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("Use these weights and no others: fp32, bf16, int8 or int4.", valueName: "name"))
    var precision: String?

    @Option(
        name: [.customLong("budget"), .customLong("latency-budget")],
        help: ArgumentHelp("The time that the picture may take, such as 20s or 1m30s.", valueName: "duration"))
    var budget: String?

    @Option(help: ArgumentHelp("When the picture must be there, RFC 3339.", valueName: "time"))
    var deadline: String?

    @Option(help: ArgumentHelp("The memory that the picture may take, such as 512MiB.", valueName: "size"))
    var maxMemory: String?

    @Option(help: "-100 to 100; higher is sooner.")
    var priority: Int?

    @Option(help: "Your own id: the same id twice is one job.")
    var id: String?

    @Option(help: ArgumentHelp("The NAME of the result.", valueName: "name"))
    var name: String?

    @Option(help: "WebP quality, 0 to 100.")
    var quality: Int?

    @Flag(help: "Keep every pixel as it was computed.")
    var lossless = false

    /// What the arguments mean: a file as it is, or a prompt with the fields that were given.
    var source: JobSourceArgument {
        get throws(ClientError) {
            let fields = fields
            if let path = JobSourceArgument.path(in: words) {
                guard fields.isEmpty else {
                    throw .usage("a job file says everything itself: drop --\(fields[0].name) or the file")
                }
                return .file(path)
            }
            return .fields([JSONValue.Member("prompt", .string(words.joined(separator: " ")))] + fields)
        }
    }

    private var fields: [JSONValue.Member] {
        var output: [JSONValue.Member] = []
        if let name { output.append(.init("name", .string(name))) }
        if let quality { output.append(.init("quality", .number(JSONNumber(quality)))) }
        if lossless { output.append(.init("lossless", .bool(true))) }
        let all: [JSONValue.Member?] = [
            id.map { .init("id", .string($0)) }, negativePrompt.map { .init("negative_prompt", .string($0)) },
            width.map { .init("width", .number(JSONNumber($0))) },
            height.map { .init("height", .number(JSONNumber($0))) },
            initImage.map { .init("init_image", .string($0)) },
            strength.flatMap { $0.isFinite ? .init("strength", .number(JSONNumber($0))) : nil },
            seed.map { .init("seed", .number(JSONNumber($0))) }, steps.map { .init("steps", .number(JSONNumber($0))) },
            guidanceScale.flatMap { $0.isFinite ? .init("guidance_scale", .number(JSONNumber($0))) : nil },
            sampler.map { .init("sampler", .string($0)) }, rng.map { .init("rng", .string($0)) },
            model.map { .init("model", .string($0)) }, precision.map { .init("precision", .string($0)) },
            budget.map { .init("latency_budget", .string($0)) },
            deadline.map { .init("deadline", .string($0)) },
            maxMemory.map { .init("max_memory", .string($0)) },
            priority.map { .init("priority", .number(JSONNumber($0))) },
            output.isEmpty ? nil : .init("output", .object(output)),
        ]
        return all.compactMap { $0 }
    }

    func validate() throws {
        if words.isEmpty { throw ValidationError("say a prompt or name a job file") }
        if let strength, !strength.isFinite { throw ValidationError("--strength must be a number") }
        if let guidanceScale, !guidanceScale.isFinite { throw ValidationError("--guidance-scale must be a number") }
    }
}
