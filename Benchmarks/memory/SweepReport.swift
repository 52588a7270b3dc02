import Foundation
import Stages

/// All decodes of one size under one limit.
struct SweepCase: Encodable {
    let size: PictureSize
    /// Nil for the unbounded decode.
    let limitBytes: Int?
    /// The median turn's, the highest peak.
    var plannedPeakBytes: Int?
    var peakBytes = 0
    var scratchBytes = 0
    var schedule = ""
    var seconds: [Double] = []
    /// Finding the plan, at the most.
    var planSeconds = 0.0
    /// The median of the unbounded decode that took turns with it.
    var unboundedSeconds: Double?
    var difference: PictureDifference?
    /// Of the control groups: the highest peak, and all kills.
    var groupPeakBytes: Int?
    var kills: Int?
    /// Why there is nothing.
    var failure: String?

    init(size: PictureSize, limitBytes: Int?) {
        self.size = size
        self.limitBytes = limitBytes
    }

    /// Takes in what one process did.
    mutating func add(_ child: Child) {
        if let group = child.group {
            groupPeakBytes = max(groupPeakBytes ?? 0, group.peakBytes ?? 0)
            kills = (kills ?? 0) + group.kills
        }
        guard child.status == 0, let one = try? JSONDecoder().decode(DecodeMeasurement.self, from: child.output) else {
            failure = child.reason
            return
        }
        plannedPeakBytes = one.plannedPeakBytes
        peakBytes = max(peakBytes, one.peakBytes)
        scratchBytes = max(scratchBytes, one.scratchBytes)
        schedule = one.schedule
        seconds.append(one.seconds)
        planSeconds = max(planSeconds, one.planSeconds)
    }
}

/// What was found, as Markdown, as JSON or as a chart.
struct SweepReport: Encodable {
    let precision: String
    let threads: Int
    let cases: [SweepCase]

    /// The tables, and how the plans were kept.
    var table: String {
        let peaks = cases.compactMap { one in one.plannedPeakBytes.map { (planned: $0, measured: one.peakBytes) } }
        return rows + "\n\n" + Report.planKept(peaks)
    }

    private var rows: String {
        let head = [
            "size", "limit", "planned", "peak", "scratch", "seconds", "of unbounded", "largest difference", "PSNR",
            "row, column mean", "plan found in", "group's peak, kills", "schedule",
        ]
        return Report.table(head, cases.map(row))
    }

    private func row(_ one: SweepCase) -> [String] {
        let mebibytes = { (bytes: Int?) in bytes.map(Report.mebibytes) ?? "" }
        let names = ["\(one.size)", one.limitBytes.map { "\($0 >> 20)" } ?? "none"]
        if let failure = one.failure { return names + Array(repeating: "", count: 10) + [failure] }
        let difference = one.difference
        return names + [
            mebibytes(one.plannedPeakBytes), mebibytes(one.peakBytes), mebibytes(one.scratchBytes),
            String(format: "%.3f", one.seconds.median),
            one.unboundedSeconds.map { String(format: "%.2f", one.seconds.median / $0) } ?? "",
            difference.map { "\($0.largest)/255" } ?? "", difference.map { String(format: "%.1f dB", $0.psnr) } ?? "",
            difference.map { String(format: "%.1e, %.1e", $0.largestRowMean, $0.largestColumnMean) } ?? "",
            String(format: "%.2f s", one.planSeconds),
            one.groupPeakBytes.map { "\(mebibytes($0)), \(one.kills ?? 0)" } ?? "", one.schedule,
        ]
    }

    /// Time against limit: each size in parts of its unbounded decode's time, whose own peak ends the line.
    var chart: Chart {
        let lines = cases.filter { $0.limitBytes == nil }.map { whole in
            let bounded = cases.filter { $0.size == whole.size && $0.limitBytes != nil && $0.failure == nil }
            let points = (bounded + [whole]).map { one in
                (Double(one.limitBytes ?? one.peakBytes) / 1_048_576, one.seconds.median / whole.seconds.median)
            }
            return Chart.Line(name: "\(whole.size)", points: points.sorted { $0.0 < $1.0 })
        }
        return Chart(
            title: "Decoding inside a limit (\(precision), \(threads) threads)",
            xTitle: "limit of the process in MiB; a line ends with the peak without one",
            yTitle: "time, parts of the unbounded decode's", lines: lines)
    }
}
