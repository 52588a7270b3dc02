import Foundation
import Glibc
import Images
import JSONText
import Jobs
import MemoryGroup
import Planner
import Testing
import Varlink

@Suite("Memory", .timeLimit(.minutes(3)))
struct MemoryTests {
    @Test("60 jobs of mixed sizes leave the daemon's resident memory where it was, within 4 MiB")
    func soak() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let kinds = ["tiny", "pruned"].flatMap { model in
            [(64, 64), (128, 64), (64, 192), (256, 256)].map { (model: model, width: $0.0, height: $0.1) }
        }
        func draw(_ kind: (model: String, width: Int, height: Int)) async throws {
            let id = try await daemon.submit(
                #"{"prompt":"a","model":"\#(kind.model)","width":\#(kind.width),"height":\#(kind.height),"steps":1}"#)
            #expect(try await daemon.watch(id).state == .succeeded)
        }
        for kind in kinds + kinds { try await draw(kind) }
        let before = try daemon.bytes("VmRSS")
        var random = SeededRandom(seed: 4)
        for _ in 0..<60 { try await draw(kinds[Int.random(in: 0..<kinds.count, using: &random)]) }
        let after = try daemon.bytes("VmRSS")
        #expect(after - before <= 4 << 20, "\(before) bytes before, \(after) after")
        await daemon.stop()
    }

    @Test("No stage takes more than planned, nor the writing, and a second picture finds nothing left of the first")
    func stages() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root, models: [Executable.embeddedModels])
        for name in ["first", "second"] {
            try root.drop(
                "\(name).json",
                #"{"prompt":"a","model":"emoji","precision":"int4","width":320,"height":512,"steps":1,"max_memory":"96MiB","#
                    + #""output":{"lossless":true}}"#)
            #expect(await daemon.journal.line(with: "Finished a job", "job.result=\(name)") != nil)
            for stage in try MemoryRecord(root, name).memory.stages {
                let over = (stage.measured ?? 0) - stage.planned.peakBytes
                #expect(over <= 4 << 20, "\(name): \(stage.planned.stage) takes \(over) bytes more")
            }
        }
        await daemon.stop()
    }

    @Test(
        "inside a control group's limit a picture is drawn or refused with the number, and nothing is killed",
        .enabled(if: MemoryGroup.isAvailable, "no control group with a limit can be made here"))
    func limit() async throws {
        let root = try Root()
        let job = root.path + "/job.json", picture = root.path + "/out.webp"
        try Data(#"{"prompt":"a","model":"emoji","precision":"int8","width":256,"height":256,"steps":2}"#.utf8).write(
            to: URL(fileURLWithPath: job))
        for mebibytes in [32, 48, 64, 80, 96, 128, 200] {
            try? FileManager.default.removeItem(atPath: picture)
            let group = try #require(MemoryGroup(limitBytes: mebibytes << 20))
            let inside = group.entering(
                Executable.latentd, ["render", job, "--models", Executable.embeddedModels, "--output", picture])
            let end = try await Executable.run(inside.program, inside.arguments)
            #expect(group.kills == 0, "\(mebibytes) MiB")
            let isDrawn = end.code == 0 && FileManager.default.fileExists(atPath: picture)
            let isRefused = end.code > 64 && end.errors.contains("MiB")
            #expect(isDrawn || isRefused && mebibytes < 200, "\(mebibytes) MiB: \(end.code) \(end.errors)")
            #expect(isRefused || mebibytes > 32, "\(mebibytes) MiB")
        }
    }
}

/// A daemon in a control group whose limit falls and rises while it draws.
@Suite(
    "A limit that moves", .timeLimit(.minutes(3)),
    .enabled(if: MemoryGroup.isAvailable, "no control group with a limit can be made here"))
struct MovingLimitTests {
    private static let granted = 1 << 30
    private let root: Root
    private let group: MemoryGroup

    init() throws {
        root = try Root()
        group = try #require(MemoryGroup(limitBytes: Self.granted))
    }

    private func daemon() async throws -> DaemonProcess {
        try await DaemonProcess(root, models: [Executable.embeddedModels], group: group)
    }

    private let job =
        #"{"prompt":"a cat","model":"emoji","precision":"int8","width":512,"height":512,"steps":6,"seed":1}"#

    /// Submits the job as `name`.
    private func submit(_ name: String, to daemon: DaemonProcess) async throws -> JobID {
        let parameters = Submit.Parameters(job: try JSONValue(parsing: job.utf8), name: name)
        return try await daemon.call(Submit.self, parameters).job.id
    }

    /// What a picture took that was made under no pressure.
    private func whole(_ daemon: DaemonProcess) async throws -> MemoryRecord {
        let id = try await submit("whole", to: daemon)
        #expect(try await daemon.watch(id).state == .succeeded)
        return try MemoryRecord(root, "whole")
    }

    @Test("Where it falls while a stage runs, the next one takes no more, and the picture is the same to a level")
    func replanned() async throws {
        let daemon = try await daemon()
        let whole = try await whole(daemon)
        let (unet, decoder) = (try #require(whole["unet"]).planned, try #require(whole["decoder"]).planned)
        try #require(decoder.peakBytes - unet.peakBytes > 16 << 20)
        // The kernel counts in pages.
        let limit = (unet.peakBytes + decoder.peakBytes) / 2 & ~0xFFFF
        let id = try await submit("less", to: daemon)
        try await daemon.watch(id) { $0.progress?.step ?? 0 >= 1 }
        #expect(group.setLimit(bytes: limit))
        #expect(try await daemon.watch(id).state == .succeeded)
        let less = try MemoryRecord(root, "less")
        #expect(less.memory.limit == limit)
        #expect(less["decoder"]?.measured ?? 0 <= limit)
        #expect(group.kills == 0)
        let pictures = try ["whole", "less"].map { try WebP.decode(root.bytes("spool/done/\($0).webp")).pixels }
        // Lossy: a level of the decoder may be a few of the file's.
        #expect(zip(pictures[0], pictures[1]).allSatisfy { abs(Int($0) - Int($1)) <= 8 })
        await daemon.stop()
    }

    @Test("Where it falls too far the job goes back uncharged, says what it waits for, and is made when it rises")
    func withdrawn() async throws {
        let daemon = try await daemon()
        _ = try await whole(daemon)
        let plan = try await daemon.call(PlanJob.self, PlanJob.Parameters(job: JSONValue(parsing: job.utf8))).plan
        let least = try #require(plan.candidates.first?.peaks[.streamed])
        let id = try await submit("waiting", to: daemon)
        try await daemon.watch(id) { $0.progress?.step ?? 0 >= 1 }
        // What no file has cannot leave memory, and a process that needs more is killed: too little for any way to go on, enough for
        // the stage that runs.
        let limit = try daemon.bytes("RssAnon") + (12 << 20)
        try #require(limit < least)
        #expect(group.setLimit(bytes: limit))
        #expect(await daemon.journal.line(with: "A job waits for memory", "\(id)") != nil)
        let status = try await daemon.call(Status.self, Nothing())
        #expect(status.waitingFor?.hasPrefix("memory: the limit of memory fell to ") == true)
        #expect(status.counts.queued == 1)
        #expect(group.setLimit(bytes: Self.granted))
        let job = try await daemon.watch(id)
        #expect((job.state, job.attempts) == (.succeeded, 1))
        #expect(group.kills == 0)
        await daemon.stop()
    }
}

/// What `done/NAME.json` says of memory.
private struct MemoryRecord: Decodable {
    let memory: Memory

    struct Memory: Decodable {
        let limit: Int
        let stages: [Stage]

        enum CodingKeys: String, CodingKey {
            case limit = "limit_bytes"
            case stages
        }
    }

    struct Stage: Decodable {
        let planned: Plan.Stage
        let measured: Int?

        enum CodingKeys: String, CodingKey {
            case planned
            case measured = "measured_bytes"
        }
    }

    init(_ root: Root, _ name: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(root.bytes("spool/done/\(name).json")))
    }

    subscript(stage: String) -> Stage? { memory.stages.first { $0.planned.stage == stage } }
}
