/// Every time that one stage took, in seconds.
struct Measurement: Encodable {
    /// What was measured: `text`, `unet b1`, `unet b2`, `decode`.
    let stage: String
    /// One number a repetition, in their order.
    let seconds: [Double]

    /// The middle one, or the mean of the two in the middle.
    var median: Double {
        let sorted = seconds.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    var fastest: Double { seconds.min() ?? .nan }
}
