import Compute
import Models

/// Halves an image by a convolution of stride 2; diffusers' `Downsample2D`.
struct Downsampler {
    private let path: String
    let conv: Convolution

    /// - Parameter padding: 1 pads all sides; 0 pads right and bottom only, as diffusers does.
    init(_ weights: Weights, channels: Int, padding: Int) throws(ModelError) {
        path = weights.path
        conv = try Convolution(
            weights["conv"], inputs: channels, outputs: channels, stride: 2,
            padding: padding == 0 ? Padding(right: 1, bottom: 1) : Padding(all: padding))
    }

    func callAsFunction(_ x: Tensor, _ evaluation: Evaluation) -> Tensor {
        let result = conv(x, evaluation)
        evaluation.finished(path, result)
        return result
    }
}

/// Enlarges an image, nearest neighbour, and convolves it; diffusers' `Upsample2D`. The enlarged image never exists.
struct Upsampler {
    private let path: String
    let conv: Convolution

    init(_ weights: Weights, channels: Int, to size: Convolution.Enlargement) throws(ModelError) {
        path = weights.path
        conv = try Convolution(weights["conv"], inputs: channels, outputs: channels, enlargement: size)
    }

    /// - Parameter size: nil doubles.
    func callAsFunction(_ x: Tensor, to size: (height: Int, width: Int)? = nil, _ evaluation: Evaluation) -> Tensor {
        let result = conv(x, upsampledTo: size ?? (x.shape.h * 2, x.shape.w * 2), evaluation)
        evaluation.finished(path, result)
        return result
    }
}
