import CKernels

/// A weight as a checkpoint has it, of any type: its rows become floats a few at a time, and are never kept.
public struct WeightSource: @unchecked Sendable {  // The bytes are never written, `owner` is only retained.
    /// How the numbers are coded.
    public enum Coding: @unchecked Sendable {  // As above.
        /// Floating-point numbers `[outputs, channels, taps]`.
        case floats(ElementType)
        /// `Int8` `[outputs, channels, taps]`, and a float scale for each output.
        case int8(scales: UnsafeRawBufferPointer)
        /// `[outputs, channels / 2, taps]` bytes: an even channel in the low half, the odd one after it in the high half, in
        /// two's complement; and float16 scales `[outputs, taps, channels / 32]`.
        case int4(scales: UnsafeRawBufferPointer)
        /// Floats `[outputs, taps, channels]`: rows as this type gives them.
        case rows
        /// A coding that only the owner knows: the function writes some of the elements `[outputs, channels, taps]` as floats. It is called
        /// on several threads at once.
        case decoded(@Sendable (_ elements: Range<Int>, _ target: UnsafeMutablePointer<Float>) -> Void)
    }

    /// Channels out, the filter's pixels (1 for a linear layer), channels in.
    public let outputs: Int, taps: Int, channels: Int
    private let coding: Coding
    private let bytes: UnsafeRawBufferPointer
    private let owner: AnyObject
    private var order: ((Int) -> Int)?

    /// A view on bytes that live as long as `owner`.
    ///
    /// - Precondition: the bytes are as many as the extents and the coding ask for.
    public init(
        _ bytes: UnsafeRawBufferPointer, _ coding: Coding, outputs: Int, taps: Int, channels: Int, owner: AnyObject
    ) {
        self.outputs = outputs
        self.taps = taps
        self.channels = channels
        self.coding = coding
        self.bytes = bytes
        self.owner = owner
        let count = outputs * taps * channels
        switch coding {
        case .floats(let type): precondition(bytes.count == count * type.byteCount, "the weight is incomplete")
        case .rows: precondition(bytes.count == count * 4, "the weight is incomplete")
        case .int8(let scales): precondition(bytes.count == count && scales.count == outputs * 4, "no scale an output")
        case .int4(let scales):
            precondition(
                channels % Quantizer.groupSize == 0 && bytes.count == count / 2
                    && scales.count == count / Quantizer.groupSize * 2, "no scale a group")
        case .decoded: break
        }
    }

    /// The same rows in another order: `order` says which row stands at each place.
    public func reordered(_ order: @escaping (Int) -> Int) -> WeightSource {
        var result = self
        result.order = order
        return result
    }

    /// Elements of a row.
    public var depth: Int { taps * channels }

    /// The scale of a row's integers in the checkpoint, where it has 8-bit ones.
    func storedScale(_ row: Int) -> Float? {
        guard case .int8(let scales) = coding else { return nil }
        return scales.loadUnaligned(fromByteOffset: (order?(row) ?? row) * 4, as: Float.self)
    }

    /// Some rows as floats, `[taps, channels]` each.
    public func read(_ rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        guard let order else { return readInOrder(rows, into: target) }
        for row in rows {
            let first = order(row)
            readInOrder(first..<first + 1, into: target + (row - rows.lowerBound) * depth)
        }
    }

    private func readInOrder(_ rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        guard let start = bytes.baseAddress, !rows.isEmpty else { return }
        var table = kernels()
        kernels_init(&table, nil)
        if taps == 1 {
            readAsStored(rows, start, into: target, table)
            return
        }
        if case .rows = coding {
            readAsStored(rows, start, into: target, table)
            return
        }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: depth) { stored in
            guard let stored = stored.baseAddress else { return }
            for row in rows {
                readAsStored(row..<row + 1, start, into: stored, table)
                let turned = target + (row - rows.lowerBound) * depth
                table.transpose(turned, channels, stored, taps, channels, taps)
            }
        }
    }

    /// All rows as floats into the beginning of `target`, zeros behind them; in parallel where there is a pool.
    public func write(into target: UnsafeMutableRawBufferPointer, pool: ThreadPool?) {
        let used = outputs * depth * 4
        precondition(target.count >= used, "\(target.count) bytes do not hold the floats")
        UnsafeMutableRawBufferPointer(rebasing: target[used...]).initializeMemory(as: UInt8.self, repeating: 0)
        guard let start = target.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
        let chunk = max(1, 65536 / depth), chunks = (outputs + chunk - 1) / chunk
        let body = { (index: Int) in
            let rows = index * chunk..<min(outputs, (index + 1) * chunk)
            read(rows, into: start + rows.lowerBound * depth)
        }
        if let pool { pool.parallelFor(chunks, body) } else { (0..<chunks).forEach(body) }
    }

    /// Some rows of 3x3 filters transformed for Winograd's products, `[products, channels]` each.
    func read(_ rows: Range<Int>, for winograd: Winograd, into target: UnsafeMutablePointer<Float>) {
        var table = kernels()
        kernels_init(&table, nil)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: depth) { filter in
            guard let filter = filter.baseAddress else { return }
            for row in rows {
                read(row..<row + 1, into: filter)
                winograd.filter(
                    target + (row - rows.lowerBound) * winograd.products * channels, step: channels, filter,
                    count: channels, table)
            }
        }
    }

    /// Some rows of 3x3 filters as `Doubling` multiplies them, `[4, channels]` each: those of a parity one after another.
    func readDoubling(_ rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: depth) { filter in
            guard let filter = filter.baseAddress else { return }
            for row in rows {
                read(row % outputs..<row % outputs + 1, into: filter)
                Doubling.filter(
                    target + (row - rows.lowerBound) * Doubling.taps * channels, parity: row / outputs, filter,
                    channels: channels)
            }
        }
    }

    /// All numbers rounded to bfloat16, in the checkpoint's order.
    public func writeBF16(into target: UnsafeMutableRawBufferPointer, pool: ThreadPool?) {
        precondition(target.count == 2 * outputs * depth, "\(target.count) bytes do not hold the numbers")
        guard let start = bytes.baseAddress, let rounded = target.baseAddress else { return }
        var table = kernels()
        kernels_init(&table, nil)
        let body = { (row: Int) in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: depth) { floats in
                guard let floats = floats.baseAddress else { return }
                readAsStored(row..<row + 1, start, into: floats, table)
                table.f32_to_bf16((rounded + 2 * row * depth).assumingMemoryBound(to: UInt16.self), floats, depth)
            }
        }
        if let pool { pool.parallelFor(outputs, body) } else { (0..<outputs).forEach(body) }
    }

    /// Rows in the checkpoint's order, `[channels, taps]`.
    private func readAsStored(
        _ rows: Range<Int>, _ start: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>, _ table: kernels
    ) {
        let first = rows.lowerBound * depth, count = rows.count * depth
        switch coding {
        case .floats(let type):
            Conversion.toFloat(
                start + first * type.byteCount, type: type,
                into: UnsafeMutableBufferPointer(start: target, count: count))
        case .rows:
            Conversion.toFloat(
                start + first * 4, type: .float32, into: UnsafeMutableBufferPointer(start: target, count: count))
        case .int8(let scales):
            for row in rows {
                let scale = scales.loadUnaligned(fromByteOffset: row * 4, as: Float.self)
                let integers = (start + row * depth).assumingMemoryBound(to: Int8.self)
                let floats = target + (row - rows.lowerBound) * depth
                for index in 0..<depth { floats[index] = scale * Float(integers[index]) }
            }
        case .int4(let scales):
            for row in rows {
                unpack(
                    (start + row * depth / 2).assumingMemoryBound(to: UInt8.self), row, scales,
                    into: target + (row - rows.lowerBound) * depth, table)
            }
        case .decoded(let decode): decode(first..<first + count, target)
        }
    }

    private func unpack(
        _ pairs: UnsafePointer<UInt8>, _ row: Int, _ scales: UnsafeRawBufferPointer,
        into target: UnsafeMutablePointer<Float>, _ table: kernels
    ) {
        let groups = channels / Quantizer.groupSize, count = taps * groups
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: count) { halves in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { factors in
                guard let halves = halves.baseAddress, let factors = factors.baseAddress else { return }
                for index in 0..<count {
                    halves[index] = scales.loadUnaligned(fromByteOffset: (row * count + index) * 2, as: UInt16.self)
                }
                table.f16_to_f32(factors, halves, count)
                for pair in 0..<channels / 2 {
                    for tap in 0..<taps {
                        let scale = factors[tap * groups + 2 * pair / Quantizer.groupSize]
                        let byte = pairs[pair * taps + tap]
                        target[2 * pair * taps + tap] = scale * Float(Int8(bitPattern: byte << 4) >> 4)
                        target[(2 * pair + 1) * taps + tap] = scale * Float(Int8(bitPattern: byte) >> 4)
                    }
                }
            }
        }
    }
}
