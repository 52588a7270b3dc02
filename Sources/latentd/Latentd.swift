import ArgumentParser
import Client
import Daemon
import Foundation

/// The command line of the daemon.
@main
struct Latentd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latentd",
        abstract: "A print spooler for pictures.",
        version: Version.text,
        subcommands: [ServeCommand.self, RenderCommand.self, ImportCommand.self])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as DaemonError {
            FileHandle.standardError.write(Data("latentd: \(error.description)\n".utf8))
            Foundation.exit(error.exitCode)
        } catch {
            exit(withError: error)
        }
    }
}
