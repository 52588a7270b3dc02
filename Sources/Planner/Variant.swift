import Jobs

/// One way to serve a job: what a planner chooses among.
public struct Variant: Hashable, Codable, Sendable, CustomStringConvertible {
    /// The model's name.
    public var model: String
    /// Which of its sets of weights.
    public var precision: Precision
    /// How many denoising steps.
    public var steps: Int

    /// Names all three.
    public init(model: String, precision: Precision, steps: Int) {
        self.model = model
        self.precision = precision
        self.steps = steps
    }

    /// `emoji fp32, 20 steps`
    public var description: String {
        "\(model) \(precision.rawValue), \(steps) step\(steps == 1 ? "" : "s")"
    }
}
