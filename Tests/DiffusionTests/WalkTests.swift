import Diffusion
import Foundation
import Models
import Terms
import Testing

/// A walk as a value: saved after any step and read elsewhere it goes the same way to the last bit, and nothing else is read as one.
struct WalkTests {
    /// A scheduler's file that every sampler goes with, noise drawn at every step where a sampler does.
    private static var file: [String: Any] {
        [
            "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
            "clip_sample": false, "variance_type": "fixed_small_log", "solver_order": 3,
        ]
    }

    private static func plan(
        _ sampler: Sampler, steps: Int, strength: Double = 1, _ more: [String: Any] = [:]
    ) throws -> WalkPlan {
        try SchedulerFolder.configuration(index: "DDIMScheduler", file: file.merging(more) { $1 })
            .plan(sampler, steps: steps, strength: strength)
    }

    private static func walk(_ plan: WalkPlan, _ kind: RandomSourceKind, begins: Bool = false) -> Walk {
        var random = kind.source(seed: 7)
        let noise = random.normals(16), picture = random.normals(16)
        return Walk(plan, noise: noise, over: begins ? picture : nil, random: random)
    }

    private static func finished(_ walk: Walk) -> Walk {
        var walk = walk
        while !walk.isFinished { walk.step(GoldenSamplers.answer) }
        return walk
    }

    /// Walks of every sampler by both random sources, from noise and from a picture, with PNDM's two ways to begin.
    private static func beginnings(_ sampler: Sampler) throws -> [Walk] {
        var walks: [Walk] = []
        for kind in RandomSourceKind.allCases {
            for (steps, strength) in [(6, 1.0), (20, 1.0), (8, 0.6)] {
                for skips in [true, false] {
                    let plan = try plan(sampler, steps: steps, strength: strength, ["skip_prk_steps": skips])
                    walks.append(walk(plan, kind, begins: strength < 1))
                }
            }
        }
        return walks
    }

    @Test(
        "Interrupted after each step in turn, saved, read in a new process and finished, it has the same bytes",
        arguments: Sampler.allCases)
    func interrupted(_ sampler: Sampler) async throws {
        let scratch = try ScratchFolder()
        var expected: [String: [UInt8]] = [:]
        for (number, walk) in try WalkTests.beginnings(sampler).enumerated() {
            var walk = walk
            let end = WalkTests.finished(walk).bytes
            while true {
                let name = "\(number).\(walk.position)"
                try Data(walk.bytes).write(to: URL(fileURLWithPath: "\(scratch.path)/\(name).walk"))
                expected[name] = end
                if walk.isFinished { break }
                walk.step(GoldenSamplers.answer)
            }
        }
        let folder = scratch.path
        await #expect(processExitsWith: .success) { [folder = folder as String] in
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".walk") {
                let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
                let end = WalkTests.finished(try Walk(bytes: bytes)).bytes
                try Data(end).write(to: URL(fileURLWithPath: "\(folder)/\(name.dropLast(5)).end"))
            }
        }
        #expect(expected.count > 80)
        for (name, bytes) in expected {
            let end = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name).end")))
            #expect(end == bytes, "\(sampler.rawValue), \(name)")
        }
    }

    @Test("Every float keeps its bits: NaN with what it carries, zeros of both signs, the smallest and the infinite")
    func exactness() throws {
        let bits: [UInt32] = [0x7FC0_1234, 0xFFC0_0001, 0x8000_0000, 0, 1, 0x807F_FFFF, 0x7F80_0000, 0xFF80_0000]
        let plan = try WalkTests.plan("ddim", steps: 3)
        let random = RandomSourceKind.torch.source(seed: 1)
        let walk = Walk(plan, noise: bits.map { Float(bitPattern: $0) }, random: random)
        #expect(walk.latents.map(\.bitPattern) == bits)
        #expect(try Walk(bytes: walk.bytes).latents.map(\.bitPattern) == bits)
        #expect(try JSONDecoder().decode(Walk.self, from: JSONEncoder().encode(walk)).bytes == walk.bytes)
    }

    @Test("A network that fails leaves the walk where it was")
    func failure() throws {
        struct Failure: Error {}
        var walk = WalkTests.walk(try WalkTests.plan("pndm", steps: 6), .torch)
        walk.step(GoldenSamplers.answer)
        let before = walk.bytes
        #expect(throws: Failure.self) { try walk.step { (_, _) throws(Failure) -> [Float] in throw Failure() } }
        #expect(walk.bytes == before)
    }

    /// In the middle of a walk, with all that its solver keeps.
    private static func middle(_ sampler: Sampler, _ kind: RandomSourceKind = .latentd) throws -> Walk {
        var walk = walk(try plan(sampler, steps: 6), kind)
        for _ in 0..<3 { walk.step(GoldenSamplers.answer) }
        return walk
    }

    private func reason(_ bytes: some Sequence<UInt8>) -> String? {
        do throws(DiffusionError) {
            _ = try Walk(bytes: Array(bytes))
            return nil
        } catch {
            guard case .unreadableWalk = error else { return nil }
            return error.description
        }
    }

    @Test("Cut at any length, or with any byte changed, it is refused with a sentence", arguments: Sampler.allCases)
    func damage(_ sampler: Sampler) throws {
        let bytes = try WalkTests.middle(sampler).bytes
        #expect(reason(bytes) == nil && bytes.count > 300)
        for length in 0..<bytes.count {
            #expect(reason(bytes.prefix(length))?.hasPrefix("The saved walk cannot be continued") == true, "\(length)")
        }
        for index in bytes.indices {
            for flip: UInt8 in [0x01, 0x80, 0xFF] {
                var damaged = bytes
                damaged[index] ^= flip
                #expect(reason(damaged) != nil, "byte \(index)")
            }
        }
        #expect(reason(bytes + [0]) != nil && reason([]) != nil && reason(Array("{}".utf8)) != nil)
        var later = bytes
        later[12] = 2
        #expect(reason(later)?.contains("version 2") == true)
    }

    @Test(
        "What is not damaged but wrong is refused too, or can be finished: nothing traps", arguments: Sampler.allCases)
    func forgery(_ sampler: Sampler) throws {
        let body = try WalkTests.middle(sampler, sampler == "ddpm" ? .torch : .latentd).bytes.dropLast(64)
        var finished = 0, refused = 0
        for index in body.indices.dropFirst(16) {
            for flip: UInt8 in [0x01, 0x02, 0x80, 0xFF] {
                var forged = Array(body)
                forged[index] ^= flip
                forged += forged.withUnsafeBytes { SHA256.hexadecimal($0) }.utf8
                guard var walk = try? Walk(bytes: forged) else {
                    refused += 1
                    continue
                }
                while !walk.isFinished { walk.step { input, _ in input.map { $0 / 2 } } }
                finished += 1
            }
        }
        #expect(finished > 200 && refused > 200, "\(finished), \(refused)")
    }
}
