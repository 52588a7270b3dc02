/// The memory that a picture may take.
public struct MemoryBudget: Sendable {
    /// What the process takes beside the picture and its model.
    public var baselineBytes: Int
    /// The limit of the whole process, asked at the start of every stage: a control group's may change while a picture is made.
    public var limitBytes: @Sendable () -> Int

    /// Names both.
    public init(baselineBytes: Int, limitBytes: @escaping @Sendable () -> Int) {
        self.baselineBytes = baselineBytes
        self.limitBytes = limitBytes
    }
}
