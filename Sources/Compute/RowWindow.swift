import Glibc

/// Rows of an image on their way into a convolution: they come from above, in the form that its weight reads, and go when no row of
/// the result sees them any more.
///
/// ```
/// append ─► [ rows.lowerBound ...... rows.upperBound ) ─► convolution(rows:) ─► drop(before:)
/// ```
public final class RowWindow {
    /// The whole image.
    public let imageShape: Shape
    /// What the whole convolution sees of it.
    fileprivate let whole: Window
    /// The rows of the image that are here.
    public private(set) var rows = 0..<0
    /// Rows that there is memory for.
    private let capacity: Int
    private let operand: Operand

    /// A window without rows.
    ///
    /// - Parameters:
    ///   - weight, stride, padding, size: as a convolution of the whole image has them.
    ///   - capacity: rows that it holds at the most.
    ///   - form: in which the rows are kept.
    ///   - range: of bytes, the least and most of the whole image as it is kept; not read while measuring.
    public init(
        _ imageShape: Shape, _ weight: ConvolutionWeight, stride: Int, padding: Padding,
        upsampledTo size: (height: Int, width: Int)?, capacity: Int, form: OperandForm,
        range: (least: Float, most: Float)?, in context: Context
    ) {
        precondition(imageShape.n == 1, "a window looks at one image")
        self.imageShape = imageShape
        whole = Window(
            imageShape, weight, stride: stride, padding: padding,
            enlarged: size ?? (height: imageShape.h, width: imageShape.w))
        self.capacity = min(capacity, imageShape.h)
        operand = Operand(
            Shape(n: 1, h: self.capacity, w: imageShape.w, c: imageShape.c), form, in: context)
        if let range, form == .bytesByImage, !context.isMeasuring {
            operand.rows.setRange(at: 0, range.least, range.most, context.kernels)
        }
    }

    /// Forgets the rows above `first`.
    public func drop(before first: Int) {
        let kept = max(first, rows.lowerBound)..<max(first, rows.upperBound)
        let bytes = operand.parts[0].type.byteCount * imageShape.w * imageShape.c
        if let memory = operand.parts[0].buffer.memory, kept.lowerBound > rows.lowerBound {
            memmove(memory, memory + (kept.lowerBound - rows.lowerBound) * bytes, kept.count * bytes)
        }
        rows = kept
    }

    /// Adds the next rows of the image, normalized where there are factors.
    public func append(_ band: Tensor, _ factors: NormalizationFactors?, in context: Context) {
        let shape = band.shape
        precondition(
            shape.n == 1 && shape.w == imageShape.w && shape.c == imageShape.c
                && rows.count + shape.h <= capacity && rows.upperBound + shape.h <= imageShape.h,
            "rows \(shape) do not fit a window of \(capacity) rows of \(imageShape), of which \(rows) are there")
        let target = operand.slice(rows.count..<rows.count + shape.h)
        if let factors {
            context.normalize([band], factors, into: target)
        } else {
            context.fill(target) { part, floats in
                floats.update(from: band.pointer + part.lowerBound * shape.c, count: part.count * shape.c)
            }
        }
        rows = rows.lowerBound..<rows.upperBound + shape.h
    }

    /// The rows of the image that some rows of its convolution see.
    public func inputRows(for rows: Range<Int>) -> Range<Int> { whole.inputRows(for: rows) }

    /// What is here.
    fileprivate var content: Operand { operand.slice(0..<rows.count) }
}

extension Context {
    /// Some rows of `activation(convolution(image) + bias + residual)`, of an image whose rows are in a window as far as these see them.
    ///
    /// The residual is of the rows. Rows that begin at a multiple of `ConvolutionWeight.rowAlignment` are computed exactly as in the whole.
    public func convolution(
        rows: Range<Int>, of source: RowWindow, _ weight: ConvolutionWeight, bias: Constant? = nil,
        residual: Tensor? = nil, activation: Activation = .none, collectsStatistics: Bool = false
    ) -> Tensor {
        // Bytes whose range nobody knew beforehand have that of the rows that are here.
        let content = source.content.form == weight.form ? source.content : operand(source.content.tensor, weight.form)
        return convolution(
            content, weight, source.whole.part(rows, available: source.rows), bias: bias, residual: residual,
            activation: activation, collectsStatistics: collectsStatistics)
    }
}
