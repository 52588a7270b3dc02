import Testing

/// How far numbers are from the reference's.
struct GoldenDeviation: CustomStringConvertible {
    /// The largest difference, relative to the reference's largest magnitude.
    let largest: Double
    /// The Euclidean norm of the difference, relative to the reference's.
    let norm: Double

    init(_ values: [Float], from reference: [Float]) {
        var difference = 0.0
        var magnitude = 0.0
        var differenceSquares = 0.0
        var squares = 0.0
        for (value, expected) in zip(values, reference) {
            let delta = abs(Double(value) - Double(expected))
            // A NaN must not pass as small.
            difference = delta.isNaN ? .infinity : max(difference, delta)
            magnitude = max(magnitude, abs(Double(expected)))
            differenceSquares += delta * delta
            squares += Double(expected) * Double(expected)
        }
        largest = difference / max(magnitude, .leastNormalMagnitude)
        norm = (differenceSquares / max(squares, .leastNormalMagnitude)).squareRoot()
    }

    var description: String { "largest \(largest), norm \(norm)" }

    /// Both measures within `tolerance`.
    func isWithin(_ tolerance: Double) -> Bool { largest <= tolerance && norm <= tolerance }
}

/// Expects `values` to be the reference's numbers within a relative `tolerance`.
func expectClose(
    _ values: [Float], _ reference: [Float], tolerance: Double, _ what: String,
    _ location: SourceLocation = #_sourceLocation
) {
    #expect(values.count == reference.count, "\(what) has another size", sourceLocation: location)
    let deviation = GoldenDeviation(values, from: reference)
    #expect(deviation.isWithin(tolerance), "\(what) is off: \(deviation)", sourceLocation: location)
}
