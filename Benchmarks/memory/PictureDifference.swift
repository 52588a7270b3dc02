import Foundation

/// How far one picture is from another, both as rows of RGB bytes.
struct PictureDifference: Encodable {
    /// The largest difference of a sample, of 255.
    let largest: Int
    /// The ratio of a full signal to the noise in dB, 100 for pictures that are the same.
    let psnr: Double
    /// The mean difference (signed, white is 1) of the row and of the column where it is farthest from 0: a seam would show here.
    let largestRowMean: Double, largestColumnMean: Double

    init(_ one: String, _ other: String, _ size: PictureSize) throws {
        let pictures = try [one, other].map {
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: $0), options: .alwaysMapped))
        }
        let rowBytes = size.width * 3
        guard pictures.allSatisfy({ $0.count == rowBytes * size.height }) else {
            throw Failure("a picture of \(size) is incomplete")
        }
        var largest = 0, squares = 0
        var rows = [Int](repeating: 0, count: size.height), columns = [Int](repeating: 0, count: size.width)
        for row in rows.indices {
            for column in columns.indices {
                let start = row * rowBytes + column * 3
                for sample in start..<start + 3 {
                    let difference = Int(pictures[0][sample]) - Int(pictures[1][sample])
                    largest = max(largest, abs(difference))
                    squares += difference * difference
                    rows[row] += difference
                    columns[column] += difference
                }
            }
        }
        self.largest = largest
        let samples = Double(rowBytes * size.height)
        psnr = squares == 0 ? 100 : min(100, 10 * log10(255 * 255 * samples / Double(squares)))
        largestRowMean = Double(rows.map(abs).max() ?? 0) / 255 / Double(rowBytes)
        largestColumnMean = Double(columns.map(abs).max() ?? 0) / 255 / Double(size.height * 3)
    }
}
