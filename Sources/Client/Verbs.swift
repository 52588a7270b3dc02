public import Jobs
public import Settings
import Varlink

/// The verbs of `latentctl`: each one a function from arguments to printed text. What goes wrong is thrown.
public struct Verbs: Sendable {
    private let layout: Layout
    private let daemon: DaemonClient
    private let engine: Engine
    private let printer: Printer

    /// The verbs for the instance of `layout`.
    ///
    /// - Parameters:
    ///   - socket: the control socket, where it is not the instance's own.
    ///   - latentd: the program that has the engine; nil where there is none.
    public init(layout: Layout, socket: String? = nil, latentd: String? = Verbs.installedDaemon, printer: Printer) {
        self.layout = layout
        self.printer = printer
        daemon = DaemonClient(socket: socket ?? layout.controlSocket.string, servers: layout.trustedServers)
        engine = Engine(program: latentd)
    }

    /// `latentd` as it is installed on this host.
    public static var installedDaemon: String? { Engine.installed }

    // MARK: - Jobs

    /// Puts the jobs of `source` into the queue, or into the spool where no daemon answers; waits for the pictures, and copies one to
    /// `output`, when asked to.
    public func submit(_ source: JobSourceArgument, wait: Bool = false, output: String? = nil) throws(ClientError) {
        try Submitter(daemon: daemon, spool: layout.spool, printer: printer)
            .run(source, wait: wait || output != nil, output: output)
    }

    /// Says how the jobs of `source` would be done.
    public func plan(_ source: JobSourceArgument) throws(ClientError) {
        for request in try source.jobs() {
            let plan = try daemon.call(PlanJob.self, PlanJob.Parameters(job: request.json), timeoutSeconds: 0).plan
            try printer.result(plan, text: plan.details)
        }
    }

    /// The newest `limit` jobs in `states`, or in any.
    public func list(_ states: [JobState] = [], limit: Int = 100) throws(ClientError) {
        let jobs = try daemon.jobs(in: states, limit: limit)
        try printer.result(jobs, text: jobTable(jobs))
    }

    /// Everything about one job.
    public func show(_ id: String) throws(ClientError) {
        let reply = try daemon.call(Show.self, JobReference(id: id))
        let progress = reply.progress == nil ? "" : "\n\n" + ProgressBar.line(reply)
        try printer.result(reply, text: reply.job.details + progress)
    }

    /// Follows a job to its end.
    public func watch(_ id: String) throws(ClientError) { try JobWatch(daemon: daemon, printer: printer).run(id) }

    /// Takes a job out of the queue, or stops it.
    public func cancel(_ id: String) throws(ClientError) { try change(id, by: Cancel.self) }

    /// Queues a failed or cancelled job again.
    public func retry(_ id: String) throws(ClientError) { try change(id, by: Retry.self) }

    private func change<Change: Method>(_ id: String, by method: Change.Type) throws(ClientError)
    where Change.Parameters == JobReference, Change.Reply == JobReply {
        let job = try daemon.call(method, JobReference(id: id)).job
        try printer.result(job, text: "\(job.id) \(job.state.rawValue)")
    }

    // MARK: - The daemon

    /// The daemon at a glance.
    public func status() throws(ClientError) {
        let status = try daemon.call(Status.self, Nothing())
        try printer.result(status, text: status.details)
    }

    /// Starts no job until `resume`.
    public func pause() throws(ClientError) {
        try printer.result(daemon.call(Pause.self, Nothing()), text: "paused")
    }

    /// Starts jobs again.
    public func resume() throws(ClientError) {
        try printer.result(daemon.call(Resume.self, Nothing()), text: "resumed")
    }

    /// The daemon's models, and what is wrong with those that it cannot use.
    public func models() throws(ClientError) {
        let models = try daemon.call(Models.self, Nothing()).models
        try printer.result(models, text: modelTable(models))
    }

    /// Measures a model now, or all of them.
    public func calibrate(_ model: String? = nil) throws(ClientError) {
        let parameters = Calibrate.Parameters(model: model)
        let calibrations = try daemon.call(Calibrate.self, parameters, timeoutSeconds: 0).calibrations
        try printer.result(calibrations, text: calibrationTable(calibrations))
    }

    // MARK: - Files and the host

    /// Says how the picture in `file` was made, or prints a job that makes it again.
    public func inspect(_ file: String, asJob: Bool = false) throws(ClientError) {
        let picture = try PictureFile(path: file)
        try printer.raw(asJob ? picture.job() : picture.report(json: printer.json))
    }

    /// Shows the picture in `file` in coloured blocks, at most so many `columns` wide, or as wide as the terminal.
    public func view(_ file: String, columns: Int? = nil) throws(ClientError) {
        try printer.raw(PictureFile(path: file).preview(columns: columns))
    }

    /// Becomes journalctl with the lines about latentd, or about the job `id`; returns only by throwing.
    public func logs(_ id: String?, follow: Bool, lines: Int?) throws(ClientError) {
        try Journal(id: id, follow: follow, lines: lines, json: printer.json).show()
    }

    /// Says what this host can do and what must be mended. Throws when something must be.
    public func doctor() throws(ClientError) {
        let report = Doctor(layout: layout, daemon: daemon, engine: engine).examine()
        try printer.result(report.findings, text: report.text)
        if report.problems > 0 { throw .unhealthy(problems: report.problems) }
    }
}
