import CKernels
import Glibc

/// Lays rows of floats out as panels.
struct PanelWriter {
    let layout: PanelLayout
    let source: WeightSource
    private let quantizer = Quantizer()

    init(_ layout: PanelLayout, from source: WeightSource) {
        precondition(
            layout.sourceOutputs == source.outputs && layout.sourceTaps == source.taps
                && layout.channels == source.channels,
            "the source is no \(layout.tag)")
        self.layout = layout
        self.source = source
    }

    /// Rows that are floats at a time.
    private static let stripRows = Int(KERNELS_PANEL_UNIT)

    /// Writes every byte of `target`, a panel a thread.
    func write(into target: UnsafeMutableRawBufferPointer, _ pool: ThreadPool?) {
        guard let start = target.baseAddress else { return }
        precondition(target.count == layout.byteCount, "\(target.count) bytes do not hold \(layout.tag)")
        // Padding between the parts is part of what is checksummed.
        memset(start + layout.offset(of: layout.count - 1), 0, target.count - layout.offset(of: layout.count - 1))
        if let pool {
            pool.parallelFor(layout.count) { write(panel: $0, into: start) }
        } else {
            for panel in 0..<layout.count { write(panel: panel, into: start) }
        }
    }

    private func write(panel: Int, into start: UnsafeMutableRawPointer) {
        let range = layout.outputs(of: panel), depth = layout.depth, rowBytes = depth * layout.precision.bits / 8
        let strip = min(range.count, PanelWriter.stripRows)
        let rows = UnsafeMutablePointer<Float>.allocate(capacity: strip * depth)
        let narrow = UnsafeMutableRawPointer.allocate(byteCount: strip * rowBytes, alignment: Arena.alignment)
        defer {
            rows.deallocate()
            narrow.deallocate()
        }
        for first in stride(from: 0, to: range.count, by: PanelWriter.stripRows) {
            let columns = first..<min(range.count, first + PanelWriter.stripRows)
            let outputs = range.lowerBound + columns.lowerBound..<range.lowerBound + columns.upperBound
            if let winograd = layout.winograd {
                source.read(outputs, for: winograd, into: rows)
            } else if layout.isDoubling {
                source.readDoubling(outputs, into: rows)
            } else {
                source.read(outputs, into: rows)
            }
            for column in columns {
                let source = rows + (column - first) * depth, target = narrow + (column - first) * rowBytes
                switch layout.precision {
                case .fp32: break
                case .bf16 where layout.winograd != nil:
                    quantizer.table.f32_to_f16(target.assumingMemoryBound(to: UInt16.self), source, depth)
                case .bf16: quantizer.table.f32_to_bf16(target.assumingMemoryBound(to: UInt16.self), source, depth)
                case .int8: write8(source, output: range.lowerBound + column, target, start)
                case .int4: write4(source, panel: panel, column: column, target, start)
                }
            }
            let right = layout.precision == .fp32 ? UnsafeRawPointer(rows) : UnsafeRawPointer(narrow)
            transpose(right, panel: panel, columns, into: start)
        }
    }

    /// Rows become columns of a panel, in units of as many bits as its groups have.
    private func transpose(
        _ rows: UnsafeRawPointer, panel: Int, _ columns: Range<Int>, into start: UnsafeMutableRawPointer
    ) {
        let width = layout.width(of: panel), target = start + layout.offset(of: panel)
        let bits = layout.depth * layout.precision.bits
        guard layout.precision == .int4 || layout.winograd != nil && layout.precision == .bf16 else {
            let words = bits / 32
            quantizer.table.transpose(
                target.assumingMemoryBound(to: Float.self) + columns.lowerBound, width,
                rows.assumingMemoryBound(to: Float.self), words, columns.count, words)
            return
        }
        let units = bits / 16, source = rows.assumingMemoryBound(to: UInt16.self)
        let halves = target.assumingMemoryBound(to: UInt16.self) + columns.lowerBound
        for unit in 0..<units {
            for column in 0..<columns.count { halves[unit * width + column] = source[column * units + unit] }
        }
    }

    private func setScale(_ scale: Float, sum: Int32, output: Int, _ start: UnsafeMutableRawPointer) {
        (start + layout.scalesOffset).assumingMemoryBound(to: Float.self)[output] = scale
        (start + layout.sumsOffset).assumingMemoryBound(to: Int32.self)[output] = sum
    }

    private func write8(
        _ row: UnsafePointer<Float>, output: Int, _ target: UnsafeMutableRawPointer, _ start: UnsafeMutableRawPointer
    ) {
        let integers = target.assumingMemoryBound(to: Int8.self)
        let scale = quantizer.quantize8(
            row, taps: layout.taps, channels: layout.channels,
            stored: layout.isDoubling ? nil : source.storedScale(output), into: integers)
        var sum: Int32 = 0
        for index in 0..<layout.depth { sum &+= Int32(integers[index]) }
        setScale(scale, sum: sum, output: output, start)
    }

    /// One row at 4 bits: its half bytes to `target`, its ratios, scale and sum to where they belong.
    private func write4(
        _ source: UnsafePointer<Float>, panel: Int, column: Int, _ target: UnsafeMutableRawPointer,
        _ start: UnsafeMutableRawPointer
    ) {
        let depth = layout.depth, size = Quantizer.groupSize, groups = depth / size, width = layout.width(of: panel)
        let ratios = (start + layout.ratiosOffset(of: panel)).assumingMemoryBound(to: Int16.self)
        let halves = target.assumingMemoryBound(to: UInt8.self)
        withUnsafeTemporaryAllocation(byteCount: 5 * depth + 6 * groups, alignment: 4) { scratch in
            guard let wide = scratch.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
            let rounded = wide + groups
            let narrow = UnsafeMutableRawPointer(rounded + depth).assumingMemoryBound(to: UInt16.self)
            let integers = UnsafeMutableRawPointer(narrow + groups).assumingMemoryBound(to: Int8.self)
            quantizer.quantize4(source, count: depth, into: integers, scales: narrow)
            quantizer.table.f16_to_f32(wide, narrow, groups)
            var most: Float = 0
            for group in 0..<groups { most = max(most, wide[group]) }
            for index in 0..<depth { rounded[index] = wide[index / size] * Float(integers[index]) }
            let scale = max(
                Quantizer.largest4 * most / 127, kernels_weight_scale(rounded, layout.taps, layout.channels))
            var sum: Int32 = 0
            for group in 0..<groups {
                let ratio = Int32((wide[group] / scale * 1024).rounded(.toNearestOrEven))
                ratios[group * width + column] = Int16(ratio)
                for index in group * size..<(group + 1) * size {
                    sum &+= (Int32(integers[index]) &* ratio &+ 512) >> 10
                }
            }
            for pair in 0..<depth / 2 {
                halves[pair] = UInt8(bitPattern: integers[2 * pair] & 15 | integers[2 * pair + 1] << 4)
            }
            setScale(scale, sum: sum, output: layout.outputs(of: panel).lowerBound + column, start)
        }
    }
}
