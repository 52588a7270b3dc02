import Compute

/// One line of shapes.txt: an operation at the extents of a real layer.
struct Layer {
    let operation: String
    let name: String
    private let extents: [Int]

    /// Nil for a comment or an empty line. Throws on a line that is neither.
    init?(line: Substring) throws {
        let words = line.split(separator: " ")
        guard let operation = words.first, !operation.hasPrefix("#") else { return nil }
        let extents = words.dropFirst(2).compactMap { Int($0) }
        guard let columns = Layer.columns[String(operation)], extents.count == columns, words.count == columns + 2
        else {
            throw Malformed(line: String(line))
        }
        self.operation = String(operation)
        name = String(words[1])
        self.extents = extents
    }

    struct Malformed: Error, CustomStringConvertible {
        let line: String
        var description: String { "shapes.txt: '\(line)' is no layer" }
    }

    private static let columns = [
        "convolution": 8, "linear": 3, "feedforward": 2, "attention": 5, "groupnorm": 4, "layernorm": 4, "silu": 4,
        "concatenate": 4, "add": 4,
    ]

    /// Whether the operation has weights, and with them a precision.
    var hasWeights: Bool { ["convolution", "linear", "feedforward"].contains(operation) }

    /// Multiplications and additions of the products; 0 for an operation that only moves data.
    var operations: Double {
        let e = extents.map(Double.init)
        switch operation {
        case "convolution":
            let pixels = e[0] * (e[1] * e[7] / e[6]).rounded(.up) * (e[2] * e[7] / e[6]).rounded(.up)
            return 2 * pixels * e[3] * e[4] * e[5] * e[5]
        case "linear": return 2 * e[0] * e[1] * e[2]
        case "feedforward": return 2 * e[0] * 12 * e[1] * e[1]
        case "attention": return 4 * e[0] * e[1] * e[2] * e[3] * e[4]
        default: return 0
        }
    }

    /// Bytes that the operation must read and write once.
    var bytes: Double {
        let e = extents.map(Double.init)
        switch operation {
        case "convolution", "linear", "feedforward", "attention": return 0
        case "add", "concatenate": return 4 * 3 * e.reduce(1, *) * (operation == "concatenate" ? 4 / 3 : 1)
        default: return 4 * 2 * e.reduce(1, *)
        }
    }

    /// The operation, its operands made once.
    ///
    /// - Parameter precision: of the weights, in panels; nil: 32-bit floats as a checkpoint has them, multiplied by OpenBLAS.
    func prepare(_ context: Context, _ precision: WeightPrecision?) -> () -> Void {
        let e = extents
        func tensor(_ shape: Shape) -> Tensor {
            context.tensor(shape, context.isMeasuring ? [] : (0..<shape.count).map { Float($0 % 17) * 0.1 - 0.8 })
        }
        func constant(_ count: Int) -> Constant { Constant((0..<count).map { Float($0 % 13) * 0.01 - 0.06 }) }
        func matrix(_ inputs: Int, _ outputs: Int) -> LinearWeight {
            let rows = LinearWeight(constant(inputs * outputs), outputs: outputs, inputs: inputs)
            return precision.map { rows.packed($0) } ?? (operation == "feedforward" ? rows.packed(.fp32) : rows)
        }
        switch operation {
        case "convolution":
            let x = tensor(Shape(n: e[0], h: e[1], w: e[2], c: e[3]))
            let filters = ConvolutionWeight(
                outputsInputsHeightWidth: constant(e[3] * e[4] * e[5] * e[5]), outputs: e[4], inputs: e[3],
                height: e[5], width: e[5])
            let weight = precision.map { filters.packed($0, stride: e[6], doubles: e[7] == 2) } ?? filters
            let bias = constant(e[4]), padding = Padding(all: e[5] / 2)
            let size = (height: e[1] * e[7], width: e[2] * e[7])
            return { _ = context.convolution(x, weight, bias: bias, stride: e[6], padding: padding, upsampledTo: size) }
        case "linear":
            let x = tensor(Shape(batch: 1, tokens: e[0], channels: e[1]))
            let weight = matrix(e[1], e[2]), bias = constant(e[2])
            return { _ = context.linear(x, weight, bias: bias) }
        case "feedforward":
            let x = tensor(Shape(batch: 1, tokens: e[0], channels: e[1])), hidden = 4 * e[1]
            let layers = GatedFeedForward(
                gate: matrix(e[1], 2 * hidden), gateBias: constant(2 * hidden), out: matrix(hidden, e[1]),
                outBias: constant(e[1]))
            return { _ = context.feedForward(context.operand(x, layers.form), layers, residual: x) }
        case "attention":
            let q = tensor(Shape(batch: e[0], tokens: e[1], channels: e[3] * e[4]))
            let k = tensor(Shape(batch: e[0], tokens: e[2], channels: e[3] * e[4]))
            return { _ = context.attention(q: q, k: k, v: k, heads: e[3]) }
        default:
            let x = tensor(Shape(n: e[0], h: e[1], w: e[2], c: e[3]))
            switch operation {
            case "groupnorm":
                return {
                    _ = context.groupNorm(x, groups: 32, epsilon: 1e-5, weight: nil, bias: nil, activation: .silu)
                }
            case "layernorm": return { _ = context.layerNorm(x, epsilon: 1e-5, weight: nil, bias: nil) }
            case "silu": return { context.apply(.silu, to: x) }
            case "concatenate": return { _ = context.concatenateChannels(x, x) }
            default: return { _ = context.add(x, x) }
            }
        }
    }
}
