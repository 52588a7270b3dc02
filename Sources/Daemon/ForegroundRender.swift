import Foundation
import Jobs
import Output
import Rendering
import Settings

/// `latentd render`: one job in the foreground. It touches no spool, no database and no socket.
public struct ForegroundRender: Sendable {
    /// A job file's path, or `-` for standard input.
    public var job: String
    /// Where the picture goes; `-` is standard output.
    public var output: String
    /// The file of a picture to begin with, if any. What the job calls `init_image` lies in a spool, and there is none here.
    public var initImage: String?
    /// How far to go from it; the job's own, or 0.8, without it.
    public var strength: Double?
    /// Folders of model folders, searched before the system's.
    public var modelDirectories: [String] = []
    /// What the job's own `precision` gives way to, if anything.
    public var precision: Precision?
    /// Where the intermediate tensors go, if they are wanted; `-` is standard output.
    public var dump: String?
    /// Threads that compute; 0 takes one for each CPU.
    public var threads = 0
    /// Print how the picture was made to standard output.
    public var printsRecord = false

    /// The job in the file `job`, whose picture goes to `output`.
    public init(job: String, output: String) { (self.job, self.output) = (job, output) }

    /// Makes the picture and writes it.
    public func run() throws(DaemonError) {
        let picture = OutputFile(output), tensors = dump.map { OutputFile($0) }
        guard [picture.isStandardOutput, tensors?.isStandardOutput == true, printsRecord].count(where: { $0 }) < 2
        else {
            throw .usage("only one of --output, --dump and --json can go to standard output")
        }
        // Not after minutes of work.
        do throws(OutputError) {
            try picture.check()
            try tensors?.check()
        } catch {
            throw DaemonError(error)
        }
        var request = try readRequest()
        request.precision = precision ?? request.precision
        let rendered = try render(request, readInitImage(request))
        do throws(OutputError) {
            try picture.write(rendered.webp)
            if printsRecord { try OutputFile.standardOutput.write(rendered.record.encoded()) }
        } catch {
            throw DaemonError(error)
        }
    }

    private func readRequest() throws(DaemonError) -> JobRequest {
        let handle = job == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: job)
        guard let handle else { throw .cannotRead(path: job, reason: String(cString: strerror(errno))) }
        let bytes: [UInt8]
        do {
            bytes = Array(try handle.readToEnd() ?? Data())
        } catch {
            throw .cannotRead(path: job, reason: (error as NSError).localizedDescription)
        }
        do throws(JobError) {
            let kind = JobFile(name: job) ?? .json
            let elements = try kind.parse(bytes)
            guard elements.count == 1, let element = elements.first else { throw JobError.tooManyJobs(limit: 1) }
            return try beginning(try element.request.get())
        } catch {
            throw .invalidJob(path: job, reason: error.description)
        }
    }

    /// The job with what the options say of the picture to begin with, held to the rules of a job. In a spool the file would lie in
    /// `images/`.
    private func beginning(_ request: JobRequest) throws(JobError) -> JobRequest {
        var request = request
        if let initImage {
            request.initImage = request.initImage ?? "images/\((initImage as NSString).lastPathComponent)"
        } else if request.initImage != nil {
            throw .invalidValue(path: "init_image", problem: "lies in a spool: name the file with --init-image")
        }
        request.strength = strength ?? request.strength
        return try JobRequest(json: request.json)
    }

    private func readInitImage(_ request: JobRequest) throws(DaemonError) -> InitImageFile? {
        guard let initImage, let path = request.initImage else { return nil }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: initImage))
        } catch {
            throw .cannotRead(path: initImage, reason: (error as NSError).localizedDescription)
        }
        do { return try InitImageFile(path: path, bytes: Array(data)) } catch { throw .rendering(error) }
    }

    private func render(_ request: JobRequest, _ initImage: InitImageFile?) throws(DaemonError) -> Rendered {
        let directories = modelDirectories + Layout.system.models.map(\.string)
        do throws(RenderingError) {
            let renderer = try Renderer(
                catalog: ModelCatalog(directories: directories),
                options: Renderer.Options(
                    threads: threads, cacheDirectory: writableCache, version: Version.text, report: Self.complain))
            try renderer.calibrateIfNeeded(for: request, initImage: initImage, now: Clock.system.now())
            let plan = try renderer.dryRun(request, initImage: initImage, now: Clock.system.now())
            plan.warnings.forEach(Self.complain)
            let seed = request.seed ?? .random(in: 0...UInt64(UInt32.max))
            return try renderer.render(request, initImage: initImage, seed: seed, plan: plan, dump: dump)
        } catch {
            throw .rendering(error)
        }
    }

    /// The daemon's cache, where this user may use it.
    private var writableCache: String? {
        let path = Layout.system.cache.string
        return access(path, W_OK) == 0 ? path : nil
    }

    private static let complain: @Sendable (String) -> Void = { sentence in
        try? FileHandle.standardError.write(contentsOf: Data("latentd: \(sentence)\n".utf8))
    }
}
