import CKernels

extension Context {
    /// `[x, y]` along the channels: `[N, H, W, A]` and `[N, H, W, B]` to `[N, H, W, A + B]`.
    public func concatenateChannels(_ x: Tensor, _ y: Tensor) -> Tensor {
        precondition(y.shape == x.shape.with(c: y.shape.c), "\(x.shape) and \(y.shape) differ in more than channels")
        let result = tensor(x.shape.with(c: x.shape.c + y.shape.c))
        if !isMeasuring {
            let left = x.pointer, right = y.pointer, target = result.pointer
            let (a, b) = (x.shape.c, y.shape.c)
            parallel(x.shape.rows, chunk: max(1, 16384 / (a + b))) { rows in
                for row in rows {
                    (target + row * (a + b)).update(from: left + row * a, count: a)
                    (target + row * (a + b) + a).update(from: right + row * b, count: b)
                }
            }
        }
        return result
    }

    /// All images of `parts`, which have the same extent but for the batch, one after another.
    public func concatenateBatch(_ parts: [Tensor]) -> Tensor {
        precondition(!parts.isEmpty, "there is nothing to concatenate")
        var shape = parts[0].shape
        shape.n = parts.reduce(0) { $0 + $1.shape.n }
        let result = tensor(shape)
        var offset = 0
        for part in parts {
            precondition(
                part.shape.h == shape.h && part.shape.w == shape.w && part.shape.c == shape.c, "\(part.shape) differs")
            if !isMeasuring { (result.pointer + offset).update(from: part.pointer, count: part.shape.count) }
            offset += part.shape.count
        }
        return result
    }

    /// Enlarges (or shrinks) to a size by the nearest neighbour, as torch's `interpolate` does.
    public func upsampleNearest(_ x: Tensor, height: Int, width: Int) -> Tensor {
        let result = tensor(Shape(n: x.shape.n, h: height, w: width, c: x.shape.c))
        if !isMeasuring {
            let channels = x.shape.c
            let rows = Window.nearest(x.shape.h, enlarged: height), columns = Window.nearest(x.shape.w, enlarged: width)
            let source = x.pointer, target = result.pointer
            let inputHeight = x.shape.h, inputWidth = x.shape.w
            pool.parallelFor(x.shape.n * height) { line in
                let row = line / height * inputHeight + Int(rows[line % height])
                for column in 0..<width {
                    (target + (line * width + column) * channels)
                        .update(from: source + (row * inputWidth + Int(columns[column])) * channels, count: channels)
                }
            }
        }
        return result
    }

    /// A channels-last tensor of `shape` from channels-first elements `[N, C, H, W]`. `values` may be empty while measuring.
    public func tensor(_ shape: Shape, channelsFirst values: [Float]) -> Tensor {
        let result = tensor(shape)
        if !isMeasuring {
            precondition(values.count == shape.count, "\(values.count) values do not fill \(shape)")
            values.withUnsafeBufferPointer { values in
                transposeImages(
                    values.baseAddress, rows: shape.c, columns: shape.pixels, count: shape.n, into: result.pointer)
            }
        }
        return result
    }

    /// The elements in channels-first order `[N, C, H, W]`, for comparison and display. Traps while measuring.
    public func channelsFirst(_ x: Tensor) -> [Float] {
        let source = x.pointer, shape = x.shape
        return [Float](unsafeUninitializedCapacity: shape.count) { target, count in
            if let start = target.baseAddress {
                transposeImages(source, rows: shape.pixels, columns: shape.c, count: shape.n, into: start)
            }
            count = shape.count
        }
    }

    private func transposeImages(
        _ source: UnsafePointer<Float>?, rows: Int, columns: Int, count: Int, into target: UnsafeMutablePointer<Float>
    ) {
        guard let source else { return }
        for image in 0..<count {
            let start = image * rows * columns
            kernels.transpose(target + start, rows, source + start, columns, rows, columns)
        }
    }
}
