import Foundation
import Jobs
import Planner
import Varlink

extension JobInfo {
    /// Everything about the job, a fact a line.
    var details: String {
        var facts = [("job", id.rawValue), ("name", name.rawValue), ("state", state.rawValue)]
        if let failure {
            facts.append(("reason", [failure.field, failure.message].compactMap { $0 }.joined(separator: ": ")))
        }
        facts += [("attempts", "\(attempts)"), ("priority", "\(priority)"), ("seed", "\(seed)")]
        if let owner { facts.append(("owner", "user \(owner)")) }
        facts += [("queued", createdAt.description)]
        if let startedAt { facts.append(("started", startedAt.description)) }
        if let finishedAt { facts.append(("ended", finishedAt.description)) }
        if let picture { facts.append(("picture", picture)) }
        if let record { facts.append(("record", record)) }
        facts.append(("request", request.text(indented: false)))
        return factLines(facts)
    }
}

extension StatusInfo {
    /// The daemon at a glance, a fact a line.
    var details: String {
        var facts = [
            ("latentd", "\(version), process \(processID), up \(secondsText(uptimeSeconds))"), ("spool", spool),
            (
                "jobs",
                "\(counts.queued) queued, \(counts.running) running, \(counts.succeeded) done, "
                    + "\(counts.failed) failed, \(counts.cancelled) cancelled"
            ),
        ]
        if paused { facts.append(("paused", "no job is started until 'latentctl resume'")) }
        if let waitingFor { facts.append(("waiting", waitingFor)) }
        if let running {
            facts.append(("running", ProgressBar.line(JobProgress(job: running, progress: progress))))
        }
        facts += [("kernels", "\(isa), OpenBLAS \(blasCore)"), ("memory", bytesText(residentBytes))]
        return factLines(facts)
    }
}

extension Plan {
    /// The choice, its reason, and what was not chosen.
    var details: String {
        var facts = [
            ("model", "\(variant)"), ("size", "\(width) x \(height)"),
            ("sampler", "\(sampler.rawValue), guidance \(guidanceScale)"),
        ]
        if let prediction { facts.append(("predicted", secondsText(prediction.totalSeconds))) }
        if let peakBytes {
            let mode = memoryMode.map { ", \($0)" } ?? ""
            facts.append(("memory", "\(bytesText(peakBytes)) of \(bytesText(memoryLimitBytes))\(mode)"))
        }
        if let budgetSeconds {
            let promise = meetsBudget.map { $0 ? "will be kept" : "CANNOT be kept" } ?? "not measured yet"
            facts.append(("budget", "\(secondsText(budgetSeconds)), \(promise)"))
        }
        facts.append(("why", explanation))
        // The explanation has that one already.
        for sentence in warnings where sentence != warning { facts.append(("warning", sentence)) }
        return ([factLines(facts)] + [stageTable, candidateTable].compactMap { $0 }).joined(separator: "\n\n")
    }

    /// What each stage takes; nil when nobody knows.
    private var stageTable: String? {
        guard !stages.isEmpty else { return nil }
        var table = TextTable(header: ["STAGE", "WEIGHTS", "IN MEMORY", "COMPUTING", "SCRATCH FILE", "PEAK"])
        for stage in stages {
            table.add([
                stage.stage.replacing("_", with: " "), bytesText(stage.weightBytes), bytesText(stage.residentBytes),
                bytesText(stage.computingBytes), bytesText(stage.scratchBytes), bytesText(stage.peakBytes),
            ])
        }
        return table.text
    }

    private var candidateTable: String? {
        guard candidates.count > 1 else { return nil }
        var table = TextTable(header: [
            "", "MODEL", "PRECISION", "STEPS", "QUALITY", "PSNR", "TIME", "MEMORY", "VERDICT",
        ])
        for candidate in candidates {
            table.add([
                candidate.verdict == .chosen ? "*" : "", candidate.variant.model, candidate.variant.precision.rawValue,
                "\(candidate.variant.steps)", String(format: "%.0f", candidate.quality),
                candidate.psnr.map(decibelText) ?? "", candidate.predictedSeconds.map(secondsText) ?? "",
                candidate.peakBytes.map(bytesText) ?? "",
                candidate.verdict.rawValue.replacing("_", with: " "),
            ])
        }
        return table.text
    }
}

/// Jobs as a table, one a line.
func jobTable(_ jobs: [JobInfo]) -> String {
    var table = TextTable(header: ["ID", "STATE", "NAME", "PRIORITY", "QUEUED", "PROMPT"])
    for job in jobs {
        table.add([
            job.id.rawValue, job.state.rawValue, job.name.rawValue, "\(job.priority)", job.createdAt.description,
            shortened(job.request["prompt"]?.string ?? "", to: 48),
        ])
    }
    return table.text
}

/// Models as a table, one line for each precision; those of a group lie together.
func modelTable(_ models: [ModelInfo]) -> String {
    var table = TextTable(
        header: [
            "GROUP", "MODEL", "SIZE", "WEIGHTS", "STEPS", "PRECISION", "QUALITY", "TIME", "MEMORY", "PSNR", "PROBLEM",
        ])
    for model in models {
        let size = model.width.flatMap { width in model.height.map { "\(width) x \($0)" } }
        let facts = [
            model.group ?? "", model.name, size ?? "", model.bytes.map(bytesText) ?? "",
            model.steps.map(String.init).joined(separator: ","),
        ]
        for member in model.members {
            table.add(
                facts + [
                    member.precision, String(format: "%.0f", member.quality),
                    member.seconds.map(secondsText) ?? "not measured",
                    member.peakBytes.map(bytesText) ?? "", member.psnr.map(decibelText) ?? "", model.problem ?? "",
                ])
        }
        if model.members.isEmpty { table.add(facts + ["", "", "", "", "", model.problem ?? ""]) }
    }
    return table.text
}

/// Measurements as a table, one a line.
func calibrationTable(_ calibrations: [CalibrationInfo]) -> String {
    var table = TextTable(header: ["MODEL", "PRECISION", "SIZE", "TEXT", "STEP", "DECODE"])
    for calibration in calibrations {
        table.add([
            calibration.model, calibration.precision, "\(calibration.width) x \(calibration.height)",
            secondsText(calibration.textSeconds),
            secondsText(calibration.stepSeconds), secondsText(calibration.decodeSeconds),
        ])
    }
    return table.text
}

private func factLines(_ facts: [(name: String, value: String)]) -> String {
    let width = facts.map(\.name.count).max() ?? 0
    return facts.map { fact in
        fact.name + String(repeating: " ", count: width - fact.name.count + 2) + printable(fact.value)
    }.joined(separator: "\n")
}
