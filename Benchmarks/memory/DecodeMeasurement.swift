/// What a process says that decoded latents.
struct DecodeMeasurement: Codable {
    /// Its highest resident memory, everything counted.
    var peakBytes: Int
    /// What that should be at the most; nil where nothing was planned.
    var plannedPeakBytes: Int?
    /// What it wrote to a scratch file.
    var scratchBytes: Int
    /// Loading the network.
    var loadSeconds: Double
    /// Finding the plan.
    var planSeconds: Double
    /// From latents to bytes of RGB.
    var seconds: Double
    /// How the picture was cut, in words.
    var schedule: String
}
