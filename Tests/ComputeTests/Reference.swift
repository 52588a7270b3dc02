import Compute
import Glibc

/// Every operation as its definition says, in double precision, one element after the other.
enum Reference {
    static func activate(_ x: Double, _ activation: Activation) -> Double {
        switch activation {
        case .none: x
        case .silu: x / (1 + exp(-x))
        case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
        case .quickGelu: x / (1 + exp(-1.702 * x))
        case .relu: max(x, 0)
        case .tanh: tanh(x)
        }
    }

    /// `[rows, inputs]` times `[outputs, inputs]` transposed.
    static func linear(_ x: [Float], _ weight: [Float], rows: Int, inputs: Int, outputs: Int) -> [Double] {
        var result = [Double](repeating: 0, count: rows * outputs)
        for row in 0..<rows {
            for output in 0..<outputs {
                for input in 0..<inputs {
                    result[row * outputs + output] +=
                        Double(x[row * inputs + input]) * Double(weight[output * inputs + input])
                }
            }
        }
        return result
    }

    /// Channels last in and out, filters `[O, I, kh, kw]`.
    static func convolution(
        _ x: [Float], _ shape: Shape, _ filters: [Float], outputs: Int, height: Int, width: Int, stride: Int,
        padding: Padding
    ) -> [Double] {
        let h = (shape.h + padding.top + padding.bottom - height) / stride + 1
        let w = (shape.w + padding.left + padding.right - width) / stride + 1
        var result: [Double] = []
        for n in 0..<shape.n {
            for y in 0..<h {
                for column in 0..<w {
                    for output in 0..<outputs {
                        var sum = 0.0
                        for i in 0..<height {
                            for j in 0..<width {
                                let sy = y * stride + i - padding.top, sx = column * stride + j - padding.left
                                guard sy >= 0, sy < shape.h, sx >= 0, sx < shape.w else { continue }
                                for c in 0..<shape.c {
                                    let filter = filters[((output * shape.c + c) * height + i) * width + j]
                                    sum += Double(filter) * Double(x[((n * shape.h + sy) * shape.w + sx) * shape.c + c])
                                }
                            }
                        }
                        result.append(sum)
                    }
                }
            }
        }
        return result
    }

    static func groupNorm(_ x: [Float], _ shape: Shape, groups: Int, epsilon: Double) -> [Double] {
        var result = [Double](repeating: 0, count: x.count)
        let width = shape.c / groups
        for n in 0..<shape.n {
            for group in 0..<groups {
                let places = (0..<shape.pixels).flatMap { pixel in
                    (0..<width).map { (n * shape.pixels + pixel) * shape.c + group * width + $0 }
                }
                normalize(x, places, epsilon, into: &result)
            }
        }
        return result
    }

    static func layerNorm(_ x: [Float], _ shape: Shape, epsilon: Double) -> [Double] {
        var result = [Double](repeating: 0, count: x.count)
        for row in 0..<shape.rows {
            normalize(x, (0..<shape.c).map { row * shape.c + $0 }, epsilon, into: &result)
        }
        return result
    }

    private static func normalize(_ x: [Float], _ places: [Int], _ epsilon: Double, into result: inout [Double]) {
        let mean = places.reduce(0) { $0 + Double(x[$1]) } / Double(places.count)
        let variance = places.reduce(0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) } / Double(places.count)
        for place in places { result[place] = (Double(x[place]) - mean) / (variance + epsilon).squareRoot() }
    }

    static func attention(
        q: [Float], k: [Float], v: [Float], batch: Int, queries: Int, keys: Int, heads: Int, depth: Int, scale: Double,
        causal: Bool
    ) -> [Double] {
        let channels = heads * depth
        var result = [Double](repeating: 0, count: q.count)
        for n in 0..<batch {
            for head in 0..<heads {
                for query in 0..<queries {
                    let at = (n * queries + query) * channels + head * depth
                    let seen = causal ? query + 1 : keys
                    let scores = (0..<seen).map { key in
                        scale
                            * (0..<depth).reduce(0.0) {
                                $0 + Double(q[at + $1]) * Double(k[(n * keys + key) * channels + head * depth + $1])
                            }
                    }
                    let top = scores.reduce(-Double.infinity, max)
                    let weights = scores.map { exp($0 - top) }
                    let sum = weights.reduce(0, +)
                    for d in 0..<depth {
                        for key in 0..<seen {
                            result[at + d] +=
                                weights[key] / sum * Double(v[(n * keys + key) * channels + head * depth + d])
                        }
                    }
                }
            }
        }
        return result
    }
}
