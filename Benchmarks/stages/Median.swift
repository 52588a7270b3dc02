extension Array<Double> {
    /// The middle one, or the mean of the two in the middle; not a number for none.
    package var median: Double {
        guard !isEmpty else { return .nan }
        let sorted = sorted()
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }
}
