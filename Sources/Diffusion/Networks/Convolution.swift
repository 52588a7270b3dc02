import Compute
import Models

/// A square convolution: `weight` `[outputs, inputs, size, size]` and, where it has one, `bias`.
struct Convolution {
    private let weight: ConvolutionWeight
    /// For images that are doubled first, where there are faster filters for these.
    private let doubling: ConvolutionWeight?
    private let bias: Constant?
    private let stride: Int
    private let padding: Padding
    /// Where its filters lie in a mapped file.
    let region: WeightRegion

    /// How a convolution enlarges its input first.
    enum Enlargement {
        case none, double, anySize
    }

    /// Padding nil keeps the image's size at stride 1.
    init(
        _ weights: Weights, inputs: Int, outputs: Int, size: Int = 3, stride: Int = 1, padding: Padding? = nil,
        hasBias: Bool = true, enlargement: Enlargement = .none
    ) throws(ModelError) {
        weight = try weights.convolution(
            "weight", outputs: outputs, inputs: inputs, size: size, stride: stride, doubles: enlargement == .double)
        doubling =
            enlargement == .anySize
            ? try weights.doublingConvolution("weight", outputs: outputs, inputs: inputs, size: size) : nil
        region = weights.region(of: "weight")
        bias = hasBias ? try weights.constant("bias", shape: [outputs]) : nil
        self.stride = stride
        self.padding = padding ?? Padding(all: (size - 1) / 2)
    }

    /// The form in which it reads its input.
    var form: OperandForm { weight.form }
    /// Whether it asks for the range of its input's images, which statistics have.
    var readsRange: Bool { form == .bytesByImage }

    /// - Parameter collectsStatistics: a normalization over images, or another convolution, reads the result next.
    func callAsFunction(
        _ x: Operand, upsampledTo size: (height: Int, width: Int)? = nil, timeBias: Tensor? = nil,
        residual: Tensor? = nil, activation: Activation = .none, collectsStatistics: Bool = true,
        _ evaluation: Evaluation
    ) -> Tensor {
        let isDoubled = size.map { $0 == (x.shape.h * 2, x.shape.w * 2) } ?? false
        return evaluation.context.convolution(
            x, isDoubled ? doubling ?? weight : weight, bias: bias, stride: stride, padding: padding, upsampledTo: size,
            timeBias: timeBias, residual: residual, activation: activation, collectsStatistics: collectsStatistics)
    }

    /// Some rows of the result, of an image whose rows are in a window.
    func callAsFunction(
        rows: Range<Int>, of window: RowWindow, residual: Tensor?, activation: Activation, collectsStatistics: Bool,
        _ evaluation: Evaluation
    ) -> Tensor {
        evaluation.context.convolution(
            rows: rows, of: window, weight, bias: bias, residual: residual, activation: activation,
            collectsStatistics: collectsStatistics)
    }

    /// A window without rows on an image; the parameters are those of `RowWindow`.
    func window(
        on image: Shape, upsampledTo size: (height: Int, width: Int)?, capacity: Int, form: OperandForm,
        range: (least: Float, most: Float)?, _ evaluation: Evaluation
    ) -> RowWindow {
        RowWindow(
            image, weight, stride: stride, padding: padding, upsampledTo: size, capacity: capacity, form: form,
            range: range, in: evaluation.context)
    }

    /// Rows of an image that `count` rows of the result see at the most.
    func inputRows(for count: Int, of image: Shape, upsampledTo size: (height: Int, width: Int)?) -> Int {
        let seen = (count - 1) * stride + weight.height
        return min(image.h, size == nil ? seen : seen / 2 + 2)
    }

    /// The extent of the result.
    func outputShape(of image: Shape, upsampledTo size: (height: Int, width: Int)?) -> Shape {
        let height = padding.top + (size?.height ?? image.h) + padding.bottom
        let width = padding.left + (size?.width ?? image.w) + padding.right
        return Shape(
            n: image.n, h: (height - weight.height) / stride + 1, w: (width - weight.width) / stride + 1,
            c: weight.outputs)
    }

    /// The same for a tensor that no other layer reads.
    func callAsFunction(
        _ x: Tensor, upsampledTo size: (height: Int, width: Int)? = nil, timeBias: Tensor? = nil,
        residual: Tensor? = nil, activation: Activation = .none, collectsStatistics: Bool = true,
        _ evaluation: Evaluation
    ) -> Tensor {
        self(
            evaluation.context.operand(x, form), upsampledTo: size, timeBias: timeBias, residual: residual,
            activation: activation, collectsStatistics: collectsStatistics, evaluation)
    }
}
