extension Planner {
    /// Why the chosen one, in a sentence or two, and what to know of it.
    static func explanation(
        _ chosen: Option, _ candidates: [Plan.Candidate], _ budget: Double?, _ meetsBudget: Bool?,
        misfits: [PlannerError], warning: String?
    ) -> String {
        var sentences = [choice(chosen, budget, meetsBudget)]
        if let better = candidates.last(where: { $0.verdict == .tooSlow && $0.quality > chosen.quality }),
            meetsBudget == true, let seconds = better.predictedSeconds
        {
            sentences.append("The next better, \(better.variant), would take \(Format.seconds(seconds)).")
        }
        let tooLarge = candidates.filter { $0.verdict == .tooLarge && $0.quality > chosen.quality }
        if let best = tooLarge.first, let bytes = best.peakBytes {
            sentences.append("\(best.variant) would be better but needs \(Format.bytes(bytes)) of memory.")
        }
        sentences += misfits.map { "Not considered: \($0)." }
        if let warning { sentences.append(warning) }
        return sentences.joined(separator: " ")
    }

    /// That a precision has no instructions here, and what that costs where it was measured.
    static func warning(_ chosen: Option, faster: Option?) -> String {
        var text = "This CPU has no instructions for \(chosen.variant.precision.rawValue), which saves memory, not time"
        if let seconds = chosen.seconds, let faster, let others = faster.seconds {
            text +=
                ": \(Format.seconds(seconds)), where \(faster.variant.precision.rawValue) takes \(Format.seconds(others))"
        }
        return text + "."
    }

    private static func choice(_ chosen: Option, _ budget: Double?, _ meetsBudget: Bool?) -> String {
        guard let seconds = chosen.seconds else {
            let time = budget == nil ? "" : ", so whether it keeps the budget is not known"
            return "\(chosen.variant): not measured on this host yet\(time)."
        }
        let predicted = "\(chosen.variant), predicted to take \(Format.seconds(seconds))"
        guard let budget else { return "\(predicted): the best there is, since the job sets no limit on time." }
        if meetsBudget == true {
            return "\(predicted): the best that keeps the budget of \(Format.seconds(budget))."
        }
        return "\(predicted): the fastest there is, but the budget of \(Format.seconds(budget)) cannot be kept."
    }
}
