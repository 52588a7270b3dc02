/// A picture as text: two pixels a character, the upper half block in the upper pixel's colour on the lower one's.
public struct TerminalPreview: Sendable {
    /// Lines of text with colour escapes (ECMA-48, 24 bits), each ended by a reset and a line feed.
    public let text: String

    /// Scales `image` down to `columns` characters, each colour the mean of the pixels that it stands for.
    ///
    /// A picture narrower than `columns` is shown at its own size.
    public init(_ image: RGBImage, columns: Int) {
        let width = min(max(columns, 1), image.width)
        let height = max(image.height * width / image.width, 1)
        var text = ""
        for row in stride(from: 0, to: height, by: 2) {
            for column in 0..<width {
                let upper = Self.mean(of: image, column, row, width, height)
                text += "\u{1B}[38;2;\(upper)m"
                if row + 1 < height {
                    text += "\u{1B}[48;2;\(Self.mean(of: image, column, row + 1, width, height))m"
                }
                text += "\u{2580}"
            }
            text += "\u{1B}[0m\n"
        }
        self.text = text
    }

    /// The mean colour of the source pixels under one cell of a `width` x `height` grid, as `red;green;blue`.
    private static func mean(of image: RGBImage, _ column: Int, _ row: Int, _ width: Int, _ height: Int) -> String {
        let columns = covered(column, of: width, from: image.width)
        let rows = covered(row, of: height, from: image.height)
        var sum = (red: 0, green: 0, blue: 0)
        for y in rows {
            for x in columns {
                let pixel = image[x, y]
                sum.red += Int(pixel.red)
                sum.green += Int(pixel.green)
                sum.blue += Int(pixel.blue)
            }
        }
        let count = columns.count * rows.count
        return "\(sum.red / count);\(sum.green / count);\(sum.blue / count)"
    }

    /// The pixels under cell `index` of `count` along a side of `length`; at least one.
    private static func covered(_ index: Int, of count: Int, from length: Int) -> Range<Int> {
        let start = index * length / count
        return start..<max((index + 1) * length / count, start + 1)
    }
}
