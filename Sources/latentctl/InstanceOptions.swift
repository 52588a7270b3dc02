import ArgumentParser
import Client
import Settings
import SystemPackage

/// Which daemon is meant, and how to answer; every command takes these, before or after its name.
struct InstanceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Talk to the private instance under this directory.", valueName: "dir"))
    var root: String?

    @Option(help: ArgumentHelp("The control socket, if it is not where the instance has it.", valueName: "path"))
    var socket: String?

    @Flag(help: "Print results as JSON.")
    var json = false

    var layout: Layout { root.map { Layout(root: FilePath($0)) } ?? .system }

    var daemon: DaemonClient {
        DaemonClient(socket: socket ?? layout.controlSocket.string, servers: layout.trustedServers)
    }

    var printer: Printer { Printer(json: json) }
}
