import ArgumentParser
import Client
import Foundation
import Output
import Settings
import SystemPackage

/// The command line of the client.
@main
struct Latentctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latentctl",
        abstract: "Submits jobs to latentd, watches them and shows what this host can do.",
        discussion: """
            Every command takes --json. Results go to standard output, everything else to standard error, and the exit code \
            is one of sysexits.h.
            """,
        subcommands: [
            SubmitCommand.self, StatusCommand.self, ListCommand.self, ShowCommand.self, WatchCommand.self,
            CancelCommand.self, RetryCommand.self, PauseCommand.self, ResumeCommand.self, PlanCommand.self,
            ModelsCommand.self, CalibrateCommand.self, InspectCommand.self, ViewCommand.self, LogsCommand.self,
            DoctorCommand.self,
        ])

    @OptionGroup var instance: InstanceOptions

    static func main() {
        OutputFile.ignoreSignals()
        if let problem = ProcessText.current.problem {
            Printer(json: false).note("latentctl: \(problem.description)")
            Foundation.exit(problem.exitCode.rawValue)
        }
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as ClientError {
            Printer(json: false).note("latentctl: \(error.description)")
            Foundation.exit(error.exitCode.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}

/// Which daemon is meant, and how to answer; every command takes these, before or after its name.
struct InstanceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Talk to the private instance under this directory.", valueName: "dir"))
    var root: String?

    @Option(help: ArgumentHelp("The control socket, if it is not where the instance has it.", valueName: "path"))
    var socket: String?

    @Flag(help: "Print results as JSON.")
    var json = false

    var verbs: Verbs {
        Verbs(
            layout: root.map { Layout(root: FilePath($0)) } ?? .system, socket: socket, printer: Printer(json: json))
    }
}
