import Compute

extension KLEncoder {
    /// The distribution of the latents of an image of which `fill` writes some rows at a time, `[1, h, w, 2C]`.
    func callAsFunction(
        _ image: Shape, _ run: BoundedRun, _ fill: @escaping (Range<Int>, Tensor) -> Void
    ) throws(DiffusionError) -> Tensor {
        var x = try run.store(ConvolvedRows(MadeRows(image, run, fill: fill), convIn, run), using: [convIn.region])
        for block in downBlocks {
            for resnet in block.resnets { x = try resnet(consume x, run) }
            if let downsampler = block.downsampler { x = try downsampler(consume x, run) }
        }
        x = try midResnets[0](consume x, run)
        if let midAttention { x = try midAttention(consume x, run) }
        x = try midResnets[1](consume x, run)
        let moments = try leave(consume x, run)
        return quantConv.map { $0(moments, run.evaluation) } ?? moments
    }

    private func leave(_ x: consuming BoundedRun.Image, _ run: BoundedRun) throws(DiffusionError) -> Tensor {
        let factors = convNormOut.factors(x.statistics, activation: .silu, run.evaluation)
        return try run.gather(
            ConvolvedRows(x.rows(isLast: true), convOut, after: factors, collectsStatistics: false, run),
            using: [convOut.region])
    }
}

extension Downsampler {
    /// The halved image.
    func callAsFunction(_ x: consuming BoundedRun.Image, _ run: BoundedRun) throws(DiffusionError) -> BoundedRun.Image {
        let range = run.context.isMeasuring ? (0, 0) : x.statistics.range
        return try run.store(ConvolvedRows(x.rows(isLast: true), conv, range: range, run), using: [conv.region])
    }
}
