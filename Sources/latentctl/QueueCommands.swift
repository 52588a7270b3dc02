import ArgumentParser
import Client
import Jobs
import Varlink

extension JobState: ExpressibleByArgument {}

/// The job that a command is about.
struct JobArgument: ParsableArguments {
    @Argument(help: "The job's id, or its result's NAME.")
    var id: String

    var reference: JobReference { JobReference(id: id) }
}

extension InstanceOptions {
    /// Calls a method that changes a job, and prints what the job is then.
    fileprivate func change<Change: Method>(_ job: JobArgument, by method: Change.Type) throws
    where Change.Parameters == JobReference, Change.Reply == JobReply {
        let job = try daemon.call(method, job.reference).job
        try printer.result(job, text: "\(job.id) \(job.state.rawValue)")
    }
}

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "The daemon at a glance.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        let status = try instance.daemon.call(Status.self, Nothing())
        try instance.printer.result(status, text: status.details)
    }
}

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Jobs, the newest first.")

    @Option(name: .customLong("state"), help: "Only jobs in this state; may be given several times.")
    var states: [JobState] = []

    @Option(help: "How many jobs at most.")
    var limit = 100

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        let jobs = try instance.daemon.jobs(in: states, limit: limit)
        try instance.printer.result(jobs, text: jobTable(jobs))
    }
}

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Everything about one job.")

    @OptionGroup var job: JobArgument
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        let reply = try instance.daemon.call(Show.self, job.reference)
        let progress = reply.progress == nil ? "" : "\n\n" + ProgressBar.line(reply)
        try instance.printer.result(reply, text: reply.job.details + progress)
    }
}

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Shows a job's progress until it ends.")

    @OptionGroup var job: JobArgument
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        try JobWatch(daemon: instance.daemon, printer: instance.printer).run(job.id)
    }
}

struct CancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Takes a job out of the queue, or stops it within a moment.")

    @OptionGroup var job: JobArgument
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        try instance.change(job, by: Cancel.self)
    }
}

struct RetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Queues a failed or cancelled job again, with the same seed.")

    @OptionGroup var job: JobArgument
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        try instance.change(job, by: Retry.self)
    }
}

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Starts no job until 'resume'; the running one goes on.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        try instance.printer.result(instance.daemon.call(Pause.self, Nothing()), text: "paused")
    }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Starts jobs again.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        try instance.printer.result(instance.daemon.call(Resume.self, Nothing()), text: "resumed")
    }
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

    mutating func run() throws {
        try Submitter(daemon: instance.daemon, spool: instance.layout.spool, printer: instance.printer)
            .run(job.source, wait: wait || output != nil, output: output)
    }
}
