import ArgumentParser
import Client
import Jobs

extension JobState: ExpressibleByArgument {}

/// The job that a command is about.
struct JobArgument: ParsableArguments {
    @Argument(help: "The job's id, or its result's NAME.")
    var id: String
}

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "The daemon at a glance.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.status() }
}

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Jobs, the newest first.")

    @Option(name: .customLong("state"), help: "Only jobs in this state; may be given several times.")
    var states: [JobState] = []

    @Option(help: "How many jobs at most.")
    var limit = 100

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.list(states, limit: limit) }
}

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Everything about one job.")

    @OptionGroup var job: JobArgument
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.show(job.id) }
}

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Shows a job's progress until it ends.")

    @OptionGroup var job: JobArgument
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.watch(job.id) }
}

struct CancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Takes a job out of the queue, or stops it within a moment.")

    @OptionGroup var job: JobArgument
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.cancel(job.id) }
}

struct RetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Queues a failed or cancelled job again, with the same seed.")

    @OptionGroup var job: JobArgument
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.retry(job.id) }
}

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Starts no job until 'resume'; the running one goes on.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.pause() }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Starts jobs again.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws { try instance.verbs.resume() }
}

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

    mutating func run() throws { try instance.verbs.submit(job.source, wait: wait, output: output) }
}
