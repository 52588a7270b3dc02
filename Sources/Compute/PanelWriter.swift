import CKernels
import Glibc

/// Lays rows of floats out as panels.
struct PanelWriter {
    let layout: PanelLayout
    let source: WeightSource
    private let quantizer = Quantizer()

    init(_ layout: PanelLayout, from source: WeightSource) {
        precondition(
            layout.outputs == source.outputs && layout.sourceTaps == source.taps && layout.channels == source.channels,
            "the source is no \(layout.tag)")
        self.layout = layout
        self.source = source
    }

    /// Writes every byte of `target`, a panel a thread; takes the memory of two panels of floats a thread meanwhile.
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
        let range = layout.outputs(of: panel), depth = layout.depth
        let rows = UnsafeMutablePointer<Float>.allocate(capacity: range.count * depth)
        defer { rows.deallocate() }
        if layout.isWinograd {
            source.read(range, transformedInto: rows)
        } else {
            source.read(range, into: rows)
        }
        guard layout.precision != .fp32 else {
            transpose(rows, words: depth, panel: panel, into: start)
            return
        }
        if layout.isWinograd {
            transposeToHalves(rows, panel: panel, into: start)
            return
        }
        let rowBytes = depth * layout.precision.bits / 8
        let narrow = UnsafeMutableRawPointer.allocate(byteCount: range.count * rowBytes, alignment: Arena.alignment)
        defer { narrow.deallocate() }
        for row in 0..<range.count {
            let source = rows + row * depth, target = narrow + row * rowBytes
            switch layout.precision {
            case .fp32: break
            case .bf16: quantizer.table.f32_to_bf16(target.assumingMemoryBound(to: UInt16.self), source, depth)
            case .int8: write8(source, output: range.lowerBound + row, target, start)
            case .int4: write4(source, panel: panel, column: row, target, start)
            }
        }
        if layout.precision == .int4 {
            transpose4(narrow, panel: panel, into: start)
        } else {
            transpose(narrow, words: rowBytes / 4, panel: panel, into: start)
        }
    }

    /// The rows of a panel of Winograd's filters, as columns of float16.
    private func transposeToHalves(_ rows: UnsafePointer<Float>, panel: Int, into start: UnsafeMutableRawPointer) {
        let outputs = layout.outputs(of: panel).count, width = layout.width(of: panel), count = layout.depth * width
        let columns = UnsafeMutablePointer<Float>.allocate(capacity: count)
        defer { columns.deallocate() }
        if width > outputs { columns.update(repeating: 0, count: count) }
        quantizer.table.transpose(columns, width, rows, layout.depth, outputs, layout.depth)
        quantizer.table.f32_to_f16(
            (start + layout.offset(of: panel)).assumingMemoryBound(to: UInt16.self), columns, count)
    }

    /// The rows of a panel of int4, units of 16 bits, as its columns.
    private func transpose4(_ rows: UnsafeRawPointer, panel: Int, into start: UnsafeMutableRawPointer) {
        let outputs = layout.outputs(of: panel).count, width = layout.width(of: panel), units = layout.depth / 4
        let source = rows.assumingMemoryBound(to: UInt16.self)
        let target = (start + layout.offset(of: panel)).assumingMemoryBound(to: UInt16.self)
        for unit in 0..<units {
            for output in 0..<outputs { target[unit * width + output] = source[output * units + unit] }
            for output in outputs..<width { target[unit * width + output] = 0 }
        }
    }

    /// The rows of a panel, `words` units of 32 bits each, as its columns.
    private func transpose(_ rows: UnsafeRawPointer, words: Int, panel: Int, into start: UnsafeMutableRawPointer) {
        let outputs = layout.outputs(of: panel).count, width = layout.width(of: panel)
        let target = start + layout.offset(of: panel)
        if width > outputs { memset(target, 0, width * words * 4) }
        quantizer.table.transpose(
            target.assumingMemoryBound(to: Float.self), width, rows.assumingMemoryBound(to: Float.self), words, outputs,
            words)
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
            row, taps: layout.taps, channels: layout.channels, stored: source.storedScale(output), into: integers)
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
