import ArgumentParser
import Daemon
import Settings
import SystemPackage

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Takes jobs from the spool and makes their pictures.",
        discussion: """
            Without --root, the system's instance. With it, a private one: spool, state, cache, socket and configuration lie \
            under DIR, and 'latentctl --root DIR' talks to it.
            """)

    @Option(help: ArgumentHelp("The settings; the instance's latentd.yaml without it.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Run a private instance under this directory.", valueName: "dir"))
    var root: String?

    @Option(help: ArgumentHelp("A further folder of model folders, searched first; may be repeated.", valueName: "dir"))
    var models: [String] = []

    mutating func run() async throws {
        let instance = Instance(
            layout: root.map { Layout(root: FilePath($0)) } ?? .system, configuration: config.map { FilePath($0) },
            modelDirectories: models.map { FilePath($0) })
        try await instance.run()
    }
}
