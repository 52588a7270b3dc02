import CKernels

/// Conversions between element types in memory.
public enum Conversion {
    /// Converts `target.count` elements of a floating-point `type` at `source` (any alignment) to floats.
    public static func toFloat(
        _ source: UnsafeRawPointer, type: ElementType, into target: UnsafeMutableBufferPointer<Float>
    ) {
        guard let start = target.baseAddress else { return }
        var table = kernels()
        kernels_init(&table, nil)
        switch type {
        case .float32:
            UnsafeMutableRawPointer(start).copyMemory(from: source, byteCount: target.count * type.byteCount)
        case .float16, .bfloat16:
            let convert = type == .float16 ? table.f16_to_f32 : table.bf16_to_f32
            if Int(bitPattern: source) % type.byteCount == 0 {
                convert?(start, source.assumingMemoryBound(to: UInt16.self), target.count)
            } else {
                let aligned = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: target.count * type.byteCount, alignment: Arena.alignment)
                defer { aligned.deallocate() }
                aligned.copyMemory(from: UnsafeRawBufferPointer(start: source, count: aligned.count))
                convert?(start, aligned.baseAddress?.assumingMemoryBound(to: UInt16.self), target.count)
            }
        case .int8, .uint8, .int32:
            preconditionFailure("\(type) is no floating-point type")
        }
    }
}
