import Compute

extension KLDecoder {
    /// The picture of latents band by band: `body` is given `[1, rows, W, 3]` and the first row's number.
    ///
    /// The same sums in the same order as the decode of the whole picture; where images are kept as floats, the same bits but for
    /// statistics of convolutions that are cut elsewhere.
    func callAsFunction(
        _ latents: Tensor, _ run: BoundedRun, _ body: (Tensor, Int) throws(DiffusionError) -> Void
    ) throws(DiffusionError) {
        var x = try enter(latents, run)
        for block in upBlocks {
            for resnet in block.resnets { x = try resnet(consume x, run) }
            if let upsampler = block.upsampler { x = try upsampler(consume x, run) }
        }
        try leave(consume x, run, body)
    }

    private func enter(_ latents: Tensor, _ run: BoundedRun) throws(DiffusionError) -> BoundedRun.Image {
        let rows = WholeImage(postQuantConv.map { $0(latents, run.evaluation) } ?? latents)
        var x = try run.store(ConvolvedRows(rows, convIn, run), using: [convIn.region])
        x = try midResnets[0](consume x, run)
        if let midAttention { x = try midAttention(consume x, run) }
        return try midResnets[1](consume x, run)
    }

    private func leave(
        _ x: consuming BoundedRun.Image, _ run: BoundedRun, _ body: (Tensor, Int) throws(DiffusionError) -> Void
    ) throws(DiffusionError) {
        let factors = convNormOut.factors(x.statistics, activation: .silu, run.evaluation)
        let rows = ConvolvedRows(x.rows(isLast: true), convOut, after: factors, collectsStatistics: false, run)
        try run.forEachBand(of: rows, using: [convOut.region], body)
    }
}

extension Upsampler {
    /// The doubled image.
    func callAsFunction(_ x: consuming BoundedRun.Image, _ run: BoundedRun) throws(DiffusionError) -> BoundedRun.Image {
        let range = run.context.isMeasuring ? (0, 0) : x.statistics.range
        return try run.store(
            ConvolvedRows(x.rows(isLast: true), conv, range: range, isEnlarged: true, run), using: [conv.region])
    }
}

extension ResnetBlock {
    /// The block in two passes: each of its normalizations waits for the whole image.
    func callAsFunction(_ x: consuming BoundedRun.Image, _ run: BoundedRun) throws(DiffusionError) -> BoundedRun.Image {
        let image = x
        let (hidden, shortcut) = try enter(image, run)
        let factors = norm2.factors(hidden.statistics, activation: .silu, run.evaluation)
        let residual = RowQueue((shortcut ?? image.store).rows(isLast: true), in: run.context)
        return try run.store(
            ConvolvedRows(hidden.rows(isLast: true), conv2, after: factors, residual: residual, run),
            using: [conv2.region])
    }

    /// The first half, and what is carried around the block where that is not its input. The input is read for the last time then.
    private func enter(
        _ x: BoundedRun.Image, _ run: BoundedRun
    ) throws(DiffusionError) -> (hidden: BoundedRun.Image, shortcut: RowStore?) {
        let factors = norm1.factors(x.statistics, activation: .silu, run.evaluation)
        guard let convShortcut else {
            let rows = ConvolvedRows(x.rows(isLast: false), conv1, after: factors, run)
            return (try run.store(rows, using: [conv1.region]), nil)
        }
        let shortcut = RowStore(x.store.shape.with(c: convShortcut.outputs), run)
        let rows = ConvolvedRows(x.rows(isLast: true), conv1, after: factors, run) { (band) throws(DiffusionError) in
            try shortcut.append(convShortcut(band, run.evaluation))
        }
        return (try run.store(rows, using: [conv1.region, convShortcut.region]), shortcut)
    }
}

extension MidAttention {
    /// The attention in two or three passes over the tokens: keys and values, which may need their ranges first, then queries.
    func callAsFunction(_ x: consuming BoundedRun.Image, _ run: BoundedRun) throws(DiffusionError) -> BoundedRun.Image {
        let image = x, evaluation = run.evaluation, context = run.context
        let factors = groupNorm.factors(image.statistics, evaluation)
        let keys = PackedKeys(
            tokens: image.store.shape.pixels, heads: 1, channels: image.store.shape.c, precision: attention.precision,
            isCompact: !run.plan.keepsFloats, in: context)
        if keys.needsStatistics {
            let found = [0, 1].map { _ in ImageStatistics(image.store.shape, in: context) }
            try run.forEachBand(of: TokenRows(image.rows(isLast: false), run), using: attention.memoryWeights) {
                (band, _) throws(DiffusionError) in
                let memory = attention.memory(
                    of: context.normalized(band, factors, form: attention.form), collectsStatistics: true, evaluation)
                context.add(memory.keys, to: found[0])
                context.add(memory.values, to: found[1])
            }
            keys.setScales(keys: found[0], values: found[1], in: context)
        }
        try run.forEachBand(of: TokenRows(image.rows(isLast: false), run), using: attention.memoryWeights) {
            (band, _) throws(DiffusionError) in
            let memory = attention.memory(of: context.normalized(band, factors, form: attention.form), evaluation)
            keys.append(keys: memory.keys, values: memory.values, in: context)
        }
        let attended = AttendedRows(TokenRows(image.rows(isLast: true), run), factors, attention, keys, evaluation)
        return try run.store(attended, using: attention.queryWeights)
    }
}

/// Rows in bands of whole tiles of keys.
private final class TokenRows: RowStream {
    let shape: Shape
    let bandRows: Int
    private let queue: RowQueue
    private var done = 0

    init(_ source: StoredRows, _ run: BoundedRun) {
        shape = source.shape
        queue = RowQueue(source, in: run.context)
        var (unit, rest) = (PackedKeys.tile, shape.w % PackedKeys.tile)
        while rest > 0 { (unit, rest) = (rest, unit % rest) }
        let tileRows = PackedKeys.tile / unit
        bandRows = min(shape.h, max(1, run.bandRows(shape) / tileRows) * tileRows)
    }

    func next() throws(DiffusionError) -> Tensor {
        let count = min(bandRows, shape.h - done)
        done += count
        return try queue.take(count)
    }
}

/// Tokens plus what they attend to.
private final class AttendedRows: RowStream {
    private let source: TokenRows
    private let factors: NormalizationFactors
    private let attention: CrossAttention
    private let keys: PackedKeys
    private let evaluation: Evaluation

    init(
        _ source: TokenRows, _ factors: NormalizationFactors, _ attention: CrossAttention, _ keys: PackedKeys,
        _ evaluation: Evaluation
    ) {
        self.source = source
        self.factors = factors
        self.attention = attention
        self.keys = keys
        self.evaluation = evaluation
    }

    var shape: Shape { source.shape }
    var bandRows: Int { source.bandRows }

    func next() throws(DiffusionError) -> Tensor {
        let band = try source.next()
        let normalized = evaluation.context.normalized(band, factors, form: attention.form)
        return attention(normalized, keys, residual: band, evaluation)
    }
}
