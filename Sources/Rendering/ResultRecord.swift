import Foundation
import Jobs
import Planner

/// `done/NAME.json`: everything about how a picture was made. The names are stable; new ones may be added.
public struct ResultRecord: Equatable, Codable, Sendable {
    /// The job's id; the queue's answer to "is this job done" after a crash. Nil for a picture made without a queue.
    public var id: JobID?
    /// The result's NAME; nil without a queue.
    public var name: String?
    /// What became of it in the queue; nil without one.
    public var queue: QueueTimes?
    /// The request as it came.
    public var request: JobRequest
    /// A job that makes the same pixels again on this host: everything that was chosen is pinned.
    public var job: JobRequest
    /// What it began with; nil for noise alone.
    public var initImage: InitImage?
    /// What drew.
    public var model: Model
    /// How it was chosen.
    public var plan: Plan
    /// Whether the budget was kept; nil without one.
    public var metBudget: Bool?
    /// Where the time went.
    public var timings: Timings
    /// Where the memory went.
    public var memory: Memory
    /// The host that drew.
    public var host: HostProfile
    /// The file.
    public var picture: Picture
    /// The version of latentd.
    public var version: String
    /// What a person should know of the picture, a sentence each: the plan's warnings.
    public var warnings: [String] = []

    /// The queue's side of it, filled in by the worker.
    public struct QueueTimes: Equatable, Codable, Sendable {
        /// How often the job was claimed.
        public var attempts: Int
        /// When it was queued.
        public var createdAt: Timestamp
        /// When the attempt that made it began.
        public var startedAt: Timestamp
        /// When the picture was ready.
        public var finishedAt: Timestamp

        /// Names them all.
        public init(attempts: Int, createdAt: Timestamp, startedAt: Timestamp, finishedAt: Timestamp) {
            self.attempts = attempts
            self.createdAt = createdAt
            self.startedAt = startedAt
            self.finishedAt = finishedAt
        }

        enum CodingKeys: String, CodingKey {
            case attempts
            case createdAt = "created_at"
            case startedAt = "started_at"
            case finishedAt = "finished_at"
        }
    }

    /// The picture that it began with.
    public struct InitImage: Equatable, Codable, Sendable {
        /// Its path inside the spool.
        public var path: String
        /// SHA-256 of its bytes, as they were when the job began.
        public var sha256: String
        /// Its own size in pixels.
        public var width: Int, height: Int
        /// How far the picture went from it.
        public var strength: Double

        init(_ file: InitImageFile, strength: Double?) {
            (path, sha256) = (file.path, file.sha256)
            (width, height) = file.size
            self.strength = strength ?? JobRequest.defaultStrength
        }
    }

    /// The model that drew.
    public struct Model: Equatable, Codable, Sendable {
        /// Its folder's name.
        public var name: String
        /// SHA-256 of its files.
        public var sha256: String
        /// The precision of its weights.
        public var precision: Precision
    }

    /// Wall times, as measured.
    public struct Timings: Equatable, Codable, Sendable {
        /// Opening the model, checking, the dry run, reading weights.
        public var loadSeconds: Double
        /// The text encoder.
        public var textSeconds: Double
        /// The picture that it began with, from its file to latents; nil for noise alone.
        public var initImageSeconds: Double?
        /// Each denoising step.
        public var stepSeconds: [Double]
        /// The decoder.
        public var decodeSeconds: Double
        /// The WebP.
        public var encodeSeconds: Double
        /// From the first to the last of it.
        public var totalSeconds: Double

        enum CodingKeys: String, CodingKey {
            case loadSeconds = "load_seconds"
            case textSeconds = "text_seconds"
            case initImageSeconds = "init_image_seconds"
            case stepSeconds = "step_seconds"
            case decodeSeconds = "decode_seconds"
            case encodeSeconds = "encode_seconds"
            case totalSeconds = "total_seconds"
        }
    }

    /// Memory of the whole process, planned and measured.
    public struct Memory: Equatable, Codable, Sendable {
        /// What the limit is.
        public var limitBytes: Int
        /// Which weights were in memory.
        public var mode: MemoryMode
        /// What the process takes by itself.
        public var baselineBytes: Int
        /// Its peak, as the dry run said it.
        public var plannedBytes: Int
        /// Its peak, as measured: resident memory, mapped files counted; nil where the kernel does not say.
        public var measuredBytes: Int?
        /// The stages in their order.
        public var stages: [Stage]

        /// What one stage took.
        public struct Stage: Equatable, Codable, Sendable {
            /// What it was to take.
            public var planned: Plan.Stage
            /// Its peak, as measured; nil where the kernel does not say, or not for a stage by itself.
            public var measuredBytes: Int?

            enum CodingKeys: String, CodingKey {
                case planned
                case measuredBytes = "measured_bytes"
            }
        }

        /// What was planned, beside what was measured.
        init(_ stages: [Plan.Stage], _ mode: MemoryMode, _ meter: PeakMeter, limitBytes: Int, baselineBytes: Int) {
            self.limitBytes = limitBytes
            self.mode = mode
            self.baselineBytes = baselineBytes
            plannedBytes = stages.map(\.peakBytes).max() ?? 0
            measuredBytes = meter.peakBytes
            self.stages = stages.map { Stage(planned: $0, measuredBytes: meter.peaks[$0.stage]) }
        }

        enum CodingKeys: String, CodingKey {
            case limitBytes = "limit_bytes"
            case mode
            case baselineBytes = "baseline_bytes"
            case plannedBytes = "planned_bytes"
            case measuredBytes = "measured_bytes"
            case stages
        }
    }

    /// The file that was written.
    public struct Picture: Equatable, Codable, Sendable {
        /// Size in pixels.
        public var width: Int, height: Int
        /// The whole file.
        public var bytes: Int
        /// SHA-256 of the bitstream without metadata: the same for two runs of one job on one host.
        public var bitstreamSHA256: String

        enum CodingKeys: String, CodingKey {
            case width, height, bytes
            case bitstreamSHA256 = "bitstream_sha256"
        }
    }

    enum CodingKeys: String, CodingKey {
        case id, name, queue, request, job
        case initImage = "init_image"
        case model, plan
        case metBudget = "met_budget"
        case timings, memory, host, picture, version, warnings
    }

    /// The record as a file: JSON, keys sorted, a line feed at the end.
    public func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else {
            preconditionFailure("A record holds nothing that JSON cannot say.")
        }
        return Array(data) + Array("\n".utf8)
    }
}

extension ResultRecord {
    /// Reads a record; one of a version that knew no warnings has those of its plan.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        id = try fields.decodeIfPresent(JobID.self, forKey: .id)
        name = try fields.decodeIfPresent(String.self, forKey: .name)
        queue = try fields.decodeIfPresent(QueueTimes.self, forKey: .queue)
        request = try fields.decode(JobRequest.self, forKey: .request)
        job = try fields.decode(JobRequest.self, forKey: .job)
        initImage = try fields.decodeIfPresent(InitImage.self, forKey: .initImage)
        model = try fields.decode(Model.self, forKey: .model)
        plan = try fields.decode(Plan.self, forKey: .plan)
        metBudget = try fields.decodeIfPresent(Bool.self, forKey: .metBudget)
        timings = try fields.decode(Timings.self, forKey: .timings)
        memory = try fields.decode(Memory.self, forKey: .memory)
        host = try fields.decode(HostProfile.self, forKey: .host)
        picture = try fields.decode(Picture.self, forKey: .picture)
        version = try fields.decode(String.self, forKey: .version)
        warnings = try fields.decodeIfPresent([String].self, forKey: .warnings) ?? plan.warnings
    }
}
