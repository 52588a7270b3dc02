import CKernels

/// The scratch of one attention, cut into its parts.
struct AttentionScratch {
    /// For each image and head, `[keys][depth]` in the plan's element, the depth rounded up to whole groups by zeros.
    let keys: UnsafeMutableRawPointer
    /// For each image and head, tile by tile: values transposed, `[valueRows][keys]`, the keys rounded up to whole groups by zeros.
    let values: UnsafeMutableRawPointer
    let keyScales: ChannelScales
    let valueScales: ChannelScales
    /// Of bytes: for each image, head and tile the sum of each row of values.
    let valueSums: UnsafeMutablePointer<Int32>
    private let threads: UnsafeMutablePointer<Float>
    private let threadElements: Int

    /// - Parameters:
    ///   - shared: memory of `plan.sharedElements` floats.
    ///   - threads: memory of `plan.threadElements` floats for each thread.
    init(_ plan: AttentionPlan, shared: UnsafeMutablePointer<Float>, threads: UnsafeMutablePointer<Float>) {
        keys = UnsafeMutableRawPointer(shared)
        var next = shared + plan.packedKeys
        values = UnsafeMutableRawPointer(next)
        next += plan.values
        keyScales = ChannelScales(start: next, count: plan.images * plan.channels)
        next += plan.channelScales
        valueScales = ChannelScales(start: next, count: plan.images * plan.channels)
        next += plan.channelScales
        valueSums = UnsafeMutableRawPointer(next).assumingMemoryBound(to: Int32.self)
        self.threads = threads
        threadElements = plan.threadElements
    }

    /// What a thread has to itself.
    func scratch(_ thread: Int) -> UnsafeMutablePointer<Float> { threads + thread * threadElements }
}
