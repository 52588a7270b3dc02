import Images
import Testing

@Suite("Terminal preview")
struct TerminalPreviewTests {
    @Test("Two rows of pixels make one line of text")
    func twoRows() {
        let picture = RGBImage(width: 1, height: 2, pixels: [255, 0, 0, 0, 0, 255])
        let text = TerminalPreview(picture, columns: 80).text
        #expect(text == "\u{1B}[38;2;255;0;0m\u{1B}[48;2;0;0;255m\u{2580}\u{1B}[0m\n")
    }

    @Test("A last row without a partner has no background")
    func oddRows() {
        let picture = RGBImage(width: 1, height: 1, pixels: [1, 2, 3])
        #expect(TerminalPreview(picture, columns: 1).text == "\u{1B}[38;2;1;2;3m\u{2580}\u{1B}[0m\n")
    }

    @Test("A picture is scaled down to the columns, each the mean of what it covers")
    func scaled() {
        let picture = RGBImage(width: 4, height: 1, pixels: [0, 0, 0, 100, 50, 20, 9, 9, 9, 11, 11, 11])
        let text = TerminalPreview(picture, columns: 2).text
        #expect(text == "\u{1B}[38;2;50;25;10m\u{2580}\u{1B}[38;2;10;10;10m\u{2580}\u{1B}[0m\n")
    }

    @Test(
        "Any size and any number of columns gives whole lines", arguments: [(7, 100), (100, 7), (33, 33)],
        [-1, 0, 1, 10, 500])
    func lines(size: (Int, Int), columns: Int) {
        let text = TerminalPreview(samplePicture(width: size.0, height: size.1), columns: columns).text
        let lines = text.split(separator: "\n")
        let width = min(max(columns, 1), size.0)
        #expect(lines.count == (max(size.1 * width / size.0, 1) + 1) / 2)
        #expect(
            lines.allSatisfy { line in line.filter { $0 == "\u{2580}" }.count == width && line.hasSuffix("\u{1B}[0m") })
    }
}
