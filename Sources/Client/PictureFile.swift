import Foundation
import Images

/// A picture on disk, for `inspect` and `view`.
struct PictureFile {
    private let path: String
    private let bytes: [UInt8]

    /// Reads the file at `path`.
    init(path: String) throws(ClientError) {
        self.path = path
        do {
            bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw .cannotRead(path: path, reason: (error as NSError).localizedDescription)
        }
    }

    /// How it was made: a table, or a JSON object.
    func report(json: Bool) throws(ClientError) -> String {
        try picture { (bytes) throws(ImageError) in
            let report = try PictureReport(webp: bytes)
            return json ? try report.json() + "\n" : report.table
        }
    }

    /// A job file that makes it again.
    func job() throws(ClientError) -> String {
        try picture { (bytes) throws(ImageError) in try PictureReport(webp: bytes).job + "\n" }
    }

    /// The picture in coloured blocks, at most `columns` wide, or as wide as the terminal.
    func preview(columns: Int?) throws(ClientError) -> String {
        let width = columns ?? Self.terminalColumns()
        return try picture { (bytes) throws(ImageError) in
            TerminalPreview(try WebP.decode(bytes), columns: width).text
        }
    }

    private func picture(_ body: ([UInt8]) throws(ImageError) -> String) throws(ClientError) -> String {
        do throws(ImageError) {
            return try body(bytes)
        } catch {
            throw .invalidPicture(path: path, reason: error.description)
        }
    }

    private static func terminalColumns() -> Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 64 }
        return min(Int(size.ws_col), 128)
    }
}
