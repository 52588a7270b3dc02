import Foundation
import Jobs
import Output
import Planner
import Spool
import SystemPackage
import Varlink

/// Puts jobs into the queue: through the daemon, or as a file in the spool when there is none.
struct Submitter: Sendable {
    let daemon: DaemonClient
    let spool: FilePath
    let printer: Printer

    /// What is printed as JSON about a submitted job.
    struct Receipt: Encodable {
        var id: String?
        var name: String?
        var state: JobState?
        var picture: String?
        var plan: Plan?
        var file: String?
    }

    /// Submits every job of `source`; waits for them, and copies the picture to `output`, when asked to.
    func run(_ source: JobSourceArgument, wait: Bool, output: String?) throws(ClientError) {
        let requests = try source.jobs()
        guard output == nil || requests.count == 1 else {
            throw .usage("--output takes one picture, and the file has \(requests.count) jobs")
        }
        let file = output.map { OutputFile($0) }
        if let file {
            guard !(file.isStandardOutput && printer.json) else {
                throw .usage("only one of --output and --json can go to standard output")
            }
            // Not after minutes of waiting.
            do throws(OutputError) { try file.check() } catch { throw ClientError(error) }
        }
        if let problem = daemon.problem() {
            guard !wait else { throw .needsDaemon(task: "wait", cause: problem) }
            return try drop(source, because: problem)
        }
        var submitted: [Submit.Reply] = []
        for (request, name) in zip(requests, try source.names(count: requests.count)) {
            let reply = try daemon.call(Submit.self, Submit.Parameters(job: request.json, name: name))
            tell(reply)
            submitted.append(reply)
            if !wait { try printer.result(receipt(reply.job, reply.plan), text: reply.job.id.rawValue) }
        }
        guard wait else { return }
        for reply in submitted {
            let job = try JobWatch(daemon: daemon, printer: printer).follow(reply.job.id.rawValue)
            if let file { try copy(job, to: file) }
            if file?.isStandardOutput == true { continue }
            var receipt = receipt(job, reply.plan)
            receipt.picture = output ?? job.picture
            try printer.result(receipt, text: receipt.picture ?? job.id.rawValue)
        }
    }

    /// What a person should know before waiting.
    private func tell(_ reply: Submit.Reply) {
        if reply.duplicate { printer.note("job \(reply.job.id) is known already; nothing was added") }
        if let asked = reply.job.request["id"]?.string, asked != reply.job.id.rawValue {
            printer.note("another user's job has the id \(asked); to others yours is \(reply.job.id)")
        }
        if reply.plan.meetsBudget == false { printer.note("the budget cannot be kept: \(reply.plan.explanation)") }
        for warning in reply.plan.warnings { printer.note("warning: \(warning)") }
    }

    private func receipt(_ job: JobInfo, _ plan: Plan) -> Receipt {
        Receipt(id: job.id.rawValue, name: job.name.rawValue, state: job.state, picture: job.picture, plan: plan)
    }

    /// A rename into `incoming/`: a daemon finds the job when it starts.
    private func drop(_ source: JobSourceArgument, because problem: VarlinkError) throws(ClientError) {
        let (name, bytes) = try source.contents()
        let dropped: String
        do throws(SpoolError) {
            let incoming = spool.appending(Spool.Folder.incoming.rawValue)
            let stem = ResultName(sanitizing: (name as NSString).deletingPathExtension)
            let file = try DropFolder(path: incoming).drop(bytes, as: stem, kind: JobFile(name: name) ?? .json)
            dropped = incoming.appending(file).string
        } catch {
            throw .spool("\(problem.description); and the spool takes no job: \(error.description)")
        }
        printer.note("\(problem.description); the job waits in the spool")
        try printer.result(Receipt(file: dropped), text: dropped)
    }

    private func copy(_ job: JobInfo, to file: OutputFile) throws(ClientError) {
        guard let picture = job.picture else { throw .daemon(.disconnected) }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: picture))
        } catch {
            throw .cannotRead(path: picture, reason: (error as NSError).localizedDescription)
        }
        do throws(OutputError) { try file.write(Array(data)) } catch { throw ClientError(error) }
    }
}
