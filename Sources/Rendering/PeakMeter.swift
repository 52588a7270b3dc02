/// Measures the process's peak of resident memory, stage by stage.
struct PeakMeter {
    /// The peak of each stage that has ended; empty where the kernel does not let a peak begin anew.
    private(set) var peaks: [String: Int] = [:]
    /// The highest of all.
    private(set) var peakBytes: Int?
    private var stage: String?
    private var isSeparate = false

    /// A stage begins, and the one before ends.
    mutating func enter(_ next: String) {
        finish()
        isSeparate = ProcessMemory.resetPeak()
        stage = next
    }

    /// The last stage ends.
    mutating func finish() {
        guard let stage, let peak = ProcessMemory.peakBytes else { return }
        if isSeparate { peaks[stage] = max(peaks[stage] ?? 0, peak) }
        peakBytes = max(peakBytes ?? 0, peak)
        self.stage = nil
    }
}
