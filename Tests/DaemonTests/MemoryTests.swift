import Foundation
import Glibc
import Jobs
import MemoryGroup
import Testing
import Varlink

@Suite("Memory", .timeLimit(.minutes(3)))
struct MemoryTests {
    private static let embeddedModels = URL(fileURLWithPath: Executable.fixtureModels + "/../../../models").standardized
        .path

    /// What the kernel says is resident of a process.
    private func residentBytes(of process: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.filter(\.isNumber))) * 1024
    }

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
        let before = try residentBytes(of: daemon.processID)
        var random = SeededRandom(seed: 4)
        for _ in 0..<60 { try await draw(kinds[Int.random(in: 0..<kinds.count, using: &random)]) }
        let after = try residentBytes(of: daemon.processID)
        #expect(after - before <= 4 << 20, "\(before) bytes before, \(after) after")
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
                Executable.latentd, ["render", job, "--models", Self.embeddedModels, "--output", picture])
            let end = try await Executable.run(inside.program, inside.arguments)
            #expect(group.kills == 0, "\(mebibytes) MiB")
            let isDrawn = end.code == 0 && FileManager.default.fileExists(atPath: picture)
            let isRefused = end.code > 64 && end.errors.contains("MiB")
            #expect(isDrawn || isRefused && mebibytes < 200, "\(mebibytes) MiB: \(end.code) \(end.errors)")
            #expect(isRefused || mebibytes > 32, "\(mebibytes) MiB")
        }
    }
}
