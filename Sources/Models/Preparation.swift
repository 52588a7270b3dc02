import Compute

/// How the weights of a model are made ready for the kernels.
public struct Preparation {
    /// What the model is asked for at.
    public var precision: WeightPrecision
    /// Which tensors stay wider.
    public var rules: PrecisionRules
    /// Where prepared weights are kept between processes; nil keeps them in private memory.
    public var store: PreparedStore?
    /// The threads that prepare; nil is the caller alone.
    public var pool: ThreadPool?
    /// Ends the work where somebody asks for that, and hears of every weight.
    public var stop: StopFlag?

    /// Weights are rounded to `precision` but for what `rules` keep wider.
    public init(
        _ precision: WeightPrecision = .fp32, rules: PrecisionRules = PrecisionRules([]), store: PreparedStore? = nil,
        pool: ThreadPool? = nil, stop: StopFlag? = nil
    ) {
        self.precision = precision
        self.rules = rules
        self.store = store
        self.pool = pool
        self.stop = stop
    }
}
