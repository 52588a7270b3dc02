import CKernels

/// What integers of each channel stand for: `scale * integer + origin`; how they are found: `value * factor + shift`; and their mean.
struct ChannelScales {
    let scale: UnsafeMutablePointer<Float>
    let origin: UnsafeMutablePointer<Float>
    let factor: UnsafeMutablePointer<Float>
    let shift: UnsafeMutablePointer<Float>
    let mean: UnsafeMutablePointer<Float>
    /// Floats of memory for each channel.
    static let elements = 5

    /// Scales of `count` channels, in memory of `elements` floats a channel.
    init(start: UnsafeMutablePointer<Float>, count: Int) {
        scale = start
        origin = start + count
        factor = start + 2 * count
        shift = start + 3 * count
        mean = start + 4 * count
    }

    /// Covers the range of `channels` over `rows` rows of a matrix of `stride` columns: by integers from 0 to `levels`, or, where
    /// `isSigned`, from `-levels`. `source` is where the first of the channels begins.
    func cover(
        _ channels: Range<Int>, of source: UnsafePointer<Float>, stride: Int, rows: Int, levels: Int32, isSigned: Bool,
        _ kernels: kernels
    ) {
        let count = channels.count
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 4 * count) { statistics in
            guard let statistics = statistics.baseAddress else { return }
            kernels.column_statistics(statistics, count, source, stride, rows, count)
            for (index, channel) in channels.enumerated() {
                cover(
                    channel, (statistics[2 * count + index], statistics[3 * count + index]), mean: statistics[index],
                    levels: levels, isSigned: isSigned)
            }
        }
    }

    /// Covers a channel's range in the same way. `mean` is that of its elements.
    func cover(
        _ channel: Int, _ range: (least: Float, most: Float), mean average: Float, levels: Int32, isSigned: Bool
    ) {
        let extent = range.most - range.least, step = extent / Float(isSigned ? 2 * levels : levels)
        scale[channel] = step
        origin[channel] = isSigned ? range.least + extent / 2 : range.least
        factor[channel] = step > .leastNormalMagnitude ? 1 / step : 0
        shift[channel] = -origin[channel] * factor[channel]
        mean[channel] = (average - origin[channel]) * factor[channel]
    }
}
