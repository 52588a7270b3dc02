import ArgumentParser
import Daemon

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Makes a smaller model of a diffusers folder: its weights rounded to a precision.",
        discussion: """
            The new folder appears when it is complete. Sensitive layers stay wider, as the rules say; --sensitivity ranks \
            the layers by the error that rounding each one alone brings, and imports nothing.

              {"rules": [{"component": "unet", "tensors": "*.time_emb_proj.*", "at": ["int8", "int4"], "precision": "bf16"}]}
            """)

    @Argument(help: ArgumentHelp("A diffusers folder.", valueName: "source"))
    var source: String

    @Option(help: ArgumentHelp("fp32, bf16, int8 or int4.", valueName: "precision"))
    var precision: String

    @Option(help: ArgumentHelp("Which tensors stay wider, instead of the standard rules (JSON).", valueName: "file"))
    var rules: String?

    @Option(
        help: ArgumentHelp(
            "Add a LoRA to the weights, at a scale (1 without it); may be repeated.", valueName: "file[=scale]")
    )
    var lora: [String] = []

    @Option(help: "The new model's name; the source's, the LoRAs' and the precision without it.")
    var name: String?

    @Option(help: ArgumentHelp("Where the new folder appears; the instance's own models without it.", valueName: "dir"))
    var output: String?

    @Flag(help: "Replace a model of that name.")
    var force = false

    @Flag(help: "Rank the layers instead of importing.")
    var sensitivity = false

    @Option(help: ArgumentHelp("With --sensitivity: only so many layers, the largest first.", valueName: "n"))
    var limit: Int?

    @Option(help: "Threads that compute; 0 takes one for each CPU.")
    var threads = 0

    @Flag(help: "Print the result as JSON.")
    var json = false

    mutating func run() throws {
        let task = ForegroundImport(
            source: source, precision: precision, rules: rules, loras: lora, name: name, output: output,
            replaces: force,
            threads: threads, printsJSON: json)
        if sensitivity { try task.rank(limit: limit) } else { try task.run() }
    }

    func validate() throws {
        guard ForegroundImport.precisions.contains(precision) else {
            throw ValidationError("--precision must be one of \(ForegroundImport.precisions.joined(separator: ", "))")
        }
        if !(0...1024).contains(threads) { throw ValidationError("--threads must be 0 to 1024") }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
        if sensitivity, !lora.isEmpty { throw ValidationError("--lora does not go with --sensitivity") }
        if limit != nil, !sensitivity { throw ValidationError("--limit goes with --sensitivity") }
    }
}
