import ArgumentParser
import Daemon
import Jobs

struct RenderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render",
        abstract: "Makes one job's picture in the foreground, without daemon, spool or database.")

    @Argument(help: ArgumentHelp("A job file (NAME.json, NAME.txt), or - for one on standard input.", valueName: "job"))
    var job: String

    @Option(help: ArgumentHelp("Where the picture goes; - is standard output.", valueName: "file.webp"))
    var output: String

    @Option(help: ArgumentHelp("A picture to begin with, PNG, JPEG or WebP.", valueName: "file"))
    var initImage: String?

    @Option(help: ArgumentHelp("How far to go from --init-image, above 0 to 1; 0.8 without it.", valueName: "part"))
    var strength: Double?

    @Option(help: ArgumentHelp("A folder of model folders, searched first; may be repeated.", valueName: "dir"))
    var models: [String] = []

    @Option(help: ArgumentHelp("Use these weights and no others: fp32, bf16, int8 or int4.", valueName: "name"))
    var precision: Precision?

    @Option(
        help: ArgumentHelp(
            "Write what was computed on the way to this file; - is standard output.", valueName: "tensors.safetensors"))
    var dump: String?

    @Option(help: "Threads that compute; 0 takes one for each CPU.")
    var threads = 0

    @Flag(help: "Print how the picture was made as JSON.")
    var json = false

    mutating func run() throws {
        var task = ForegroundRender(job: job, output: output)
        (task.initImage, task.strength, task.modelDirectories) = (initImage, strength, models)
        (task.precision, task.dump, task.threads, task.printsRecord) = (precision, dump, threads, json)
        try task.run()
    }

    func validate() throws {
        if let strength, !strength.isFinite { throw ValidationError("--strength must be a number") }
        if !(0...1024).contains(threads) { throw ValidationError("--threads must be 0 to 1024") }
    }
}

extension Precision: ExpressibleByArgument {}
