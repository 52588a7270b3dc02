import ArgumentParser
import Daemon
import Foundation
import Output
import Settings

/// The command line of the daemon.
@main
struct Latentd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latentd",
        abstract: "A print spooler for pictures.",
        version: Version.text,
        subcommands: [ServeCommand.self, RenderCommand.self, ImportCommand.self])

    static func main() async {
        OutputFile.ignoreSignals()
        if let problem = ProcessText.current.problem { end(problem.description, code: problem.exitCode.rawValue) }
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as DaemonError {
            end(error.description, code: error.exitCode.rawValue)
        } catch {
            exit(withError: error)
        }
    }

    private static func end(_ sentence: String, code: Int32) -> Never {
        try? FileHandle.standardError.write(contentsOf: Data("latentd: \(sentence)\n".utf8))
        Foundation.exit(code)
    }
}
