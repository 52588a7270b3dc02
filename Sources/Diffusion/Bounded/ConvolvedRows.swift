import Compute

/// A convolution as a stream: as few rows of its input are there at a time as the next rows of its result see.
final class ConvolvedRows: RowStream {
    let shape: Shape
    let bandRows: Int
    private let source: any RowStream
    private let factors: NormalizationFactors?
    private let convolution: Convolution
    private let residual: RowQueue?
    private let activation: Activation
    private let collectsStatistics: Bool
    private let onInput: (Tensor) throws(DiffusionError) -> Void
    private let window: RowWindow
    private let evaluation: Evaluation
    private var done = 0

    /// - Parameters:
    ///   - factors: of the normalization before it, if there is one.
    ///   - range: of an input without a normalization, where it is known.
    ///   - isEnlarged: the input is first doubled.
    ///   - residual: rows that are added, in the order of the result.
    ///   - onInput: is given each band of the input as it comes.
    init(
        _ source: any RowStream, _ convolution: Convolution, after factors: NormalizationFactors? = nil,
        range: (least: Float, most: Float)? = nil, isEnlarged: Bool = false, residual: RowQueue? = nil,
        activation: Activation = .none, collectsStatistics: Bool = true, _ run: BoundedRun,
        onInput: @escaping (Tensor) throws(DiffusionError) -> Void = { _ throws(DiffusionError) in }
    ) {
        self.source = source
        self.factors = factors
        self.convolution = convolution
        self.residual = residual
        self.activation = activation
        self.collectsStatistics = collectsStatistics
        self.onInput = onInput
        evaluation = run.evaluation
        let size = isEnlarged ? (source.shape.h * 2, source.shape.w * 2) : nil
        shape = convolution.outputShape(of: source.shape, upsampledTo: size)
        bandRows = run.bandRows(shape)
        // A band may come when all but one of the rows that are needed are there.
        let needed = convolution.inputRows(for: min(bandRows, shape.h), of: source.shape, upsampledTo: size)
        let range = factors.map { $0.range } ?? range
        window = convolution.window(
            on: source.shape, upsampledTo: size, capacity: needed + source.bandRows,
            form: convolution.readsRange && range == nil ? .fp32 : convolution.form, range: range, run.evaluation)
    }

    func next() throws(DiffusionError) -> Tensor {
        let rows = done..<min(done + bandRows, shape.h)
        let needed = window.inputRows(for: rows)
        window.drop(before: needed.lowerBound)
        while window.rows.upperBound < needed.upperBound { try append() }
        let result = convolution(
            rows: rows, of: window, residual: try residual?.take(rows.count), activation: activation,
            collectsStatistics: collectsStatistics, evaluation)
        done = rows.upperBound
        return result
    }

    /// A function of its own, so that the band is gone before the result comes.
    private func append() throws(DiffusionError) {
        let band = try source.next()
        try onInput(band)
        window.append(band, factors, in: evaluation.context)
    }
}

/// A linear layer on each pixel, as a stream.
final class ProjectedRows: RowStream {
    let shape: Shape
    private let source: any RowStream
    private let linear: Linear
    private let evaluation: Evaluation

    init(_ source: any RowStream, _ linear: Linear, _ evaluation: Evaluation) {
        self.source = source
        self.linear = linear
        self.evaluation = evaluation
        shape = source.shape.with(c: linear.outputs)
    }

    var bandRows: Int { source.bandRows }

    func next() throws(DiffusionError) -> Tensor { linear(try source.next(), evaluation) }
}
