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

    mutating func run() throws {
        try Journal(id: id, follow: follow, lines: lines, json: instance.json).show()
    }
}

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "What this host can do, and what is wrong with the installation.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        let report = Doctor(layout: instance.layout, daemon: instance.daemon).examine()
        try instance.printer.result(report.findings, text: report.text)
        if report.problems > 0 { throw ClientError.unhealthy(problems: report.problems) }
    }
}
