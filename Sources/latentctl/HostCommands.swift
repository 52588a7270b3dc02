import ArgumentParser
import Client

struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "The journal's lines about latentd, or about one job (runs journalctl).")

    @Argument(help: "Only lines about the job of this id.")
    var id: String?

    @Flag(name: .shortAndLong, help: "Go on with new lines.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: "How many lines at most.")
    var lines: Int?

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.logs(id, follow: follow, lines: lines) }
}

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "What this host can do, and what is wrong with the installation.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.doctor() }
}

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Says how a job would be done here, how long it would take, and why.")

    @OptionGroup var job: JobOptions
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.plan(job.source) }
}

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "The models that this instance has, and what is wrong with those it cannot use.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.models() }
}

struct CalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate", abstract: "Measures a model, or all of them, on this host now.")

    @Argument(help: "The model; all of them without it.")
    var model: String?

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.calibrate(model) }
}

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Says how a picture was made, from the picture alone.",
        discussion: "With --job, prints a job file that makes the same picture again.")

    @Argument(help: ArgumentHelp("A picture of latentd's.", valueName: "file.webp"))
    var file: String

    @Flag(help: "Print the job file that makes it again.")
    var job = false

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.inspect(file, asJob: job) }
}

struct ViewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "view", abstract: "Shows a picture in the terminal, in coloured blocks.")

    @Argument(help: ArgumentHelp("A WebP picture.", valueName: "file.webp"))
    var file: String

    @Option(help: "Columns at most; the terminal's width without it.")
    var columns: Int?

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.view(file, columns: columns) }

    func validate() throws {
        if let columns, !(1...1000).contains(columns) { throw ValidationError("--columns must be 1 to 1000") }
    }
}
