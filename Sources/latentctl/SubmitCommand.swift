import ArgumentParser
import Client

struct SubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Puts a job into the queue.",
        discussion: """
            Without a daemon the job is dropped into the spool, where a daemon finds it later. Prints the job's id, or, with \
            --wait, the picture's path.
            """)

    @OptionGroup var job: JobOptions

    @Flag(help: "Wait for the picture and show how far it is.")
    var wait = false

    @Option(
        help: ArgumentHelp("Wait for the picture and copy it to this file; - is standard output.", valueName: "file"))
    var output: String?

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        try Submitter(daemon: instance.daemon, spool: instance.layout.spool, printer: instance.printer)
            .run(job.source, wait: wait || output != nil, output: output)
    }
}
