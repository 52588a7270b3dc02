/// A cost over the number of pixels: `constant + linear x + quadratic x²`, never falling, never negative.
public struct CostCurve: Equatable, Codable, Sendable {
    /// What it costs at no size at all.
    public private(set) var constant: Double
    /// What a pixel adds.
    public private(set) var linear: Double
    /// What a pair of pixels adds: attention.
    public private(set) var quadratic: Double

    private init(_ constant: Double, _ linear: Double, _ quadratic: Double) {
        (self.constant, self.linear, self.quadratic) = (constant, linear, quadratic)
    }

    /// A curve through one measurement: proportional.
    public init(pixels: Int, cost: Double) {
        self.init(0, max(cost, 0) / Double(max(pixels, 1)), 0)
    }

    /// A curve through two measurements.
    ///
    /// Where the cost of a pixel falls with the size, there is a constant part; where it rises, a quadratic one. A cost that
    /// falls with the size was noise: then it is the same at every size.
    public init(_ one: (pixels: Int, cost: Double), _ other: (pixels: Int, cost: Double)) {
        let (small, large) = one.pixels <= other.pixels ? (one, other) : (other, one)
        guard small.pixels < large.pixels, small.pixels > 0 else {
            self.init(pixels: large.pixels, cost: max(small.cost, large.cost))
            return
        }
        let (x1, y1) = (Double(small.pixels), max(small.cost, 0))
        let (x2, y2) = (Double(large.pixels), max(large.cost, 0))
        let slope = (y2 - y1) / (x2 - x1)
        let quadratic = (y2 / x2 - y1 / x1) / (x2 - x1)
        if slope <= 0 {
            self.init(max(y1, y2), 0, 0)
        } else if quadratic <= 0 {
            self.init(y1 - slope * x1, slope, 0)
        } else if quadratic * x1 <= y1 / x1 {
            self.init(0, y1 / x1 - quadratic * x1, quadratic)
        } else {
            // Steeper than a square: through the larger one alone, so that a large job is not promised too much.
            self.init(0, 0, y2 / (x2 * x2))
        }
    }

    /// The cost at a size.
    public func callAsFunction(pixels: Int) -> Double {
        let x = Double(pixels)
        return constant + linear * x + quadratic * x * x
    }

    /// Moves the curve a part of the way to what was seen at a size.
    ///
    /// - Parameter weight: 0 forgets the observation, 1 trusts nothing else.
    public mutating func refine(pixels: Int, observed: Double, weight: Double) {
        let predicted = self(pixels: pixels)
        guard predicted > 0, observed > 0 else { return }
        scale(by: 1 + weight * (observed / predicted - 1))
    }

    /// Makes every size dearer by a factor.
    mutating func scale(by factor: Double) {
        (constant, linear, quadratic) = (constant * factor, linear * factor, quadratic * factor)
    }
}
