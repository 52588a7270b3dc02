import CKernels

extension Context {
    private static let convertedElements = 16384

    /// The elements of `x` divided by `divisor`, as float16: for keeping, at half the memory, what is finite and not above 65504 then.
    public func halved(_ x: Tensor, divisor: Float = 1) -> Tensor {
        let result = tensor(x.shape, .float16), size = Context.convertedElements
        withScratch(divisor == 1 ? 0 : pool.threads * size) { scratch in
            let source = UnsafePointer(x.pointer), target = result.bytes.assumingMemoryBound(to: UInt16.self)
            pool.parallelFor((x.shape.count + size - 1) / size) { index, thread in
                let first = index * size, count = min(size, x.shape.count - first)
                guard divisor != 1 else {
                    kernels.f32_to_f16(target + first, source + first, count)
                    return
                }
                let tile = scratch + thread * size
                kernels.affine(tile, source + first, 1 / divisor, 0, count)
                kernels.f32_to_f16(target + first, tile, count)
            }
        }
        return result
    }

    /// The elements of `x`, which are float16, times `factor`.
    public func restored(_ x: Tensor, factor: Float = 1) -> Tensor {
        precondition(x.type == .float16, "the tensor holds \(x.type), not float16")
        let result = tensor(x.shape)
        guard !isMeasuring else { return result }
        let source = UnsafeRawPointer(x.bytes).assumingMemoryBound(to: UInt16.self), target = result.pointer
        parallel(x.shape.count, chunk: Context.convertedElements) {
            kernels.f16_to_f32(target + $0.lowerBound, source + $0.lowerBound, $0.count)
            if factor != 1 { kernels.affine(target + $0.lowerBound, target + $0.lowerBound, factor, 0, $0.count) }
        }
        return result
    }
}
