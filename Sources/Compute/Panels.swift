import CKernels
import Glibc

/// A weight `[outputs, taps * channels]` as the product kernels read it: panels of up to 64 outputs, the last one narrower.
///
/// ```
/// panel p: [taps * channels / group][columns][group], columns = min(64, outputs - 64 p) rounded up to 16, zeros behind the end
/// ```
/// A group of weights has 32 bits, so a panel is the transpose of its rows in units of 32 bits. The layout is the same for every
/// instruction set.
final class Panels: @unchecked Sendable {  // The memory is never written after `init`.
    static let columns = Int(KERNELS_PANEL_COLUMNS)
    private static let unit = Int(KERNELS_PANEL_UNIT)

    let precision: WeightPrecision
    let outputs: Int
    /// Pixels that a filter sees; 1 for a linear layer.
    let taps: Int
    /// Channels in.
    let channels: Int
    /// For int8, what the weights of each output are multiplied by, and their sum; else empty.
    private(set) var scales: [Float] = []
    private(set) var sums: [Int32] = []
    private let memory: PreparedBlock

    /// Lays out rows of floats, channels innermost.
    ///
    /// - Precondition: `precision.group` divides `channels`.
    init(_ rows: UnsafePointer<Float>, outputs: Int, taps: Int, channels: Int, precision: WeightPrecision) {
        precondition(channels % precision.group == 0, "\(channels) channels are no multiple of \(precision.group)")
        self.precision = precision.arithmetic
        self.outputs = outputs
        self.taps = taps
        self.channels = channels
        memory = PreparedBlock(byteCount: self.precision.packedBytes(outputs: outputs, inputs: taps * channels))
        if self.precision == .int8 {
            scales = [Float](repeating: 0, count: outputs)
            sums = [Int32](repeating: 0, count: outputs)
        }
        fill(from: rows)
    }

    /// Panels in all.
    var count: Int { (outputs + Panels.columns - 1) / Panels.columns }
    /// Bytes of private memory.
    var byteCount: Int { memory.byteCount + 8 * scales.count }
    /// Elements of a row of the weight.
    var depth: Int { taps * channels }

    /// The outputs of a panel.
    func outputs(of panel: Int) -> Range<Int> {
        panel * Panels.columns..<min(outputs, (panel + 1) * Panels.columns)
    }

    /// Columns of a panel in memory.
    func width(of panel: Int) -> Int {
        (outputs(of: panel).count + Panels.unit - 1) / Panels.unit * Panels.unit
    }

    /// The panel's weights from `element` of its rows on.
    func pointer(_ panel: Int, from element: Int = 0) -> UnsafeRawPointer {
        UnsafeRawPointer(start(of: panel)) + element * width(of: panel) * precision.elementBytes
    }

    private func start(of panel: Int) -> UnsafeMutableRawPointer {
        memory.memory + panel * Panels.columns * depth * precision.elementBytes
    }

    private func fill(from rows: UnsafePointer<Float>) {
        var table = kernels()
        kernels_init(&table, nil)
        let words = depth / precision.group
        withUnsafeTemporaryAllocation(
            byteCount: Panels.columns * depth * precision.elementBytes, alignment: Arena.alignment
        ) { narrow in
            guard let narrow = narrow.baseAddress else { return }
            for panel in 0..<count {
                let range = outputs(of: panel), width = width(of: panel), target = start(of: panel)
                let source = rows + range.lowerBound * depth
                var right = UnsafeRawPointer(source)
                if precision != .fp32 {
                    for row in 0..<range.count {
                        round(source + row * depth, output: range.lowerBound + row, into: narrow, row: row, table)
                    }
                    right = UnsafeRawPointer(narrow)
                }
                if width > range.count { memset(target, 0, width * words * 4) }
                table.transpose(
                    target.assumingMemoryBound(to: Float.self), width, right.assumingMemoryBound(to: Float.self), words,
                    range.count, words)
            }
        }
    }

    /// One row in this precision.
    private func round(
        _ source: UnsafePointer<Float>, output: Int, into narrow: UnsafeMutableRawPointer, row: Int, _ table: kernels
    ) {
        let target = narrow + row * depth * precision.elementBytes
        guard precision == .int8 else {
            table.f32_to_bf16(target.assumingMemoryBound(to: UInt16.self), source, depth)
            return
        }
        let scale = kernels_weight_scale(source, taps, channels)
        let bytes = target.assumingMemoryBound(to: UInt8.self)
        table.quantize(bytes, source, depth, 1 / scale, 128, 255)
        var sum: Int32 = 0
        for index in 0..<depth {
            sum += Int32(bytes[index]) - 128
            bytes[index] ^= 0x80  // From 128 + w to w in two's complement.
        }
        scales[output] = scale
        sums[output] = sum
    }
}
