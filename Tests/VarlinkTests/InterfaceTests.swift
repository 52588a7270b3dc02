import Foundation
import JSONText
import Jobs
import Planner
import Testing
import Varlink

@Suite("The interface's text and the typed methods say the same")
struct InterfaceTests {
    private func declarations(_ keyword: String) -> [String: String] {
        let text = LatentdInterface.description.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("#") }.joined(separator: "\n")
        var found: [String: String] = [:]
        for part in text.components(separatedBy: "\n\(keyword) ").dropFirst() {
            let name = String(part.prefix { $0.isLetter })
            let end = ["\ntype ", "\nmethod ", "\nerror "].compactMap { part.range(of: $0)?.lowerBound }.min()
            found[name] = String(part[part.index(part.startIndex, offsetBy: name.count)..<(end ?? part.endIndex)])
        }
        return found
    }

    /// The names before each colon.
    private func fields(_ declaration: String) -> Set<String> {
        let pattern = /([A-Za-z_]+):/
        return Set(declaration.matches(of: pattern).map { String($0.1) })
    }

    private func keys(_ value: some Encodable) throws -> Set<String> {
        let data = try JSONEncoder().encode(value)
        return Set(try JSONDecoder().decode([String: JSONValue].self, from: data).keys)
    }

    @Test("Every declared method has a type, and every type a declaration")
    func methods() {
        let types: [any Varlink.Method.Type] = [
            Submit.self, Status.self, List.self, Show.self, Cancel.self, Retry.self, Pause.self, Resume.self,
            PlanJob.self, Models.self, Calibrate.self, Watch.self, Subscribe.self,
        ]
        let declared = Set(declarations("method").keys.map { "\(LatentdInterface.name).\($0)" })
        #expect(declared == Set(types.map { $0.name }))
    }

    @Test("The types have the declared fields")
    func types() throws {
        let declared = declarations("type")
        let samples = try Samples()
        #expect(try fields(declared["Job"] ?? "") == keys(samples.job))
        #expect(try fields(declared["Failure"] ?? "") == keys(samples.failure))
        #expect(try fields(declared["Progress"] ?? "") == keys(samples.progress))
        #expect(try fields(declared["Plan"] ?? "") == keys(samples.plan))
        #expect(try fields(declared["Variant"] ?? "") == keys(samples.plan.variant))
        #expect(try fields(declared["Prediction"] ?? "") == keys(samples.plan.prediction))
        #expect(try fields(declared["Candidate"] ?? "") == keys(samples.plan.candidates.first))
        #expect(try fields(declared["Stage"] ?? "") == keys(samples.plan.stages.first))
        #expect(try fields(declared["Model"] ?? "") == keys(samples.model))
        #expect(try fields(declared["Calibration"] ?? "") == keys(samples.calibration))
        #expect(try fields(declared["Counts"] ?? "") == keys(samples.counts))
        #expect(try fields(declarations("method")["Status"] ?? "") == keys(samples.status))
    }
}

/// One value of each wire type with every optional field present.
private struct Samples {
    let failure = JobFailure(kind: .permanent, code: "crashed", field: "width", message: "it died")
    let progress = ProgressInfo(
        stage: "denoising", step: 1, steps: 4, fraction: 0.25, elapsedSeconds: 1, remainingSeconds: 3)
    let plan: Plan
    let model = ModelInfo(
        name: "m", family: "f", group: "g", path: "/m", problem: "p", bytes: 1, width: 1, height: 1, members: [],
        steps: [],
        calibrated: true, licence: "l")
    let calibration = CalibrationInfo(
        model: "m", precision: "fp32", textSeconds: 1, stepSeconds: 1, decodeSeconds: 1, width: 1, height: 1)
    let counts = CountsInfo(queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0)

    var job: JobInfo {
        JobInfo(
            id: sampleID, name: ResultName(sanitizing: "a"), state: .failed, priority: 0, attempts: 1, seed: .max,
            createdAt: epoch, startedAt: epoch, finishedAt: epoch, failure: failure, request: .object([]), picture: "p",
            record: "r", owner: 1001)
    }

    /// The planner alone makes plans: this one is read.
    init() throws {
        let json = """
            {"variant": {"model": "m", "precision": "fp32", "steps": 4}, "width": 8, "height": 8, "guidance_scale": 1,
            "sampler": "ddim", "budget_seconds": 1, "prediction": {"load_seconds": 1, "text_seconds": 1,
            "init_image_seconds": 1, "denoise_seconds": 1, "decode_seconds": 1, "encode_seconds": 1}, "peak_bytes": 1, "memory_limit_bytes": 1,
            "memory_mode": "streamed", "stages": [{"stage": "unet", "weight_bytes": 1, "resident_bytes": 1,
            "computing_bytes": 1, "scratch_bytes": 1, "peak_bytes": 1}],
            "meets_budget": true, "candidates": [{"variant": {"model": "m", "precision": "fp32", "steps": 4},
            "quality": 1, "psnr": 1, "predicted_seconds": 1, "peak_bytes": 1, "peaks": {"together": 1}, "verdict": "chosen"}], "explanation": "e", "warning": "w"}
            """
        plan = try JSONDecoder().decode(Plan.self, from: Data(json.utf8))
    }

    var status: StatusInfo {
        StatusInfo(
            version: "v", processID: 1, uptimeSeconds: 1, spool: "/s", paused: false, waitingFor: "space",
            counts: counts, running: job, progress: progress, isa: "avx2", blasCore: "Haswell", residentBytes: 1)
    }
}
