extension Context {
    private static let packedElements = 16384

    /// The elements of `x` rounded to 16 significant bits, in three bytes each: bytes `[N, H, W, 3C]`, first the upper halves of all
    /// floats (bfloat16), then the next byte of each. The error is a part of 2^-17.
    public func packed24(_ x: Tensor) -> Tensor {
        let count = x.shape.count, result = tensor(x.shape.with(c: 3 * x.shape.c), .uint8)
        guard !isMeasuring else { return result }
        let source = UnsafePointer(x.pointer), upper = result.bytes.assumingMemoryBound(to: UInt16.self)
        let lower = (result.bytes + 2 * count).assumingMemoryBound(to: UInt8.self)
        parallel(count, chunk: Context.packedElements) {
            for index in $0 {
                let bits = source[index].bitPattern &+ 0x80
                upper[index] = UInt16(truncatingIfNeeded: bits &>> 16)
                lower[index] = UInt8(truncatingIfNeeded: bits &>> 8)
            }
        }
        return result
    }

    /// The floats of what `packed24` made.
    public func unpacked24(_ x: Tensor) -> Tensor {
        precondition(x.type == .uint8 && x.shape.c % 3 == 0, "\(x.shape) of \(x.type) are no packed floats")
        let result = tensor(x.shape.with(c: x.shape.c / 3)), count = result.shape.count
        guard !isMeasuring else { return result }
        let upper = UnsafeRawPointer(x.bytes).assumingMemoryBound(to: UInt16.self), target = result.pointer
        let lower = UnsafeRawPointer(x.bytes + 2 * count).assumingMemoryBound(to: UInt8.self)
        parallel(count, chunk: Context.packedElements) {
            for index in $0 {
                target[index] = Float(bitPattern: UInt32(upper[index]) &<< 16 | UInt32(lower[index]) &<< 8)
            }
        }
        return result
    }
}
