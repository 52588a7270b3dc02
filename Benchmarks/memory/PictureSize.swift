import ArgumentParser

/// Sides in pixels: `512` or `768x1344`.
struct PictureSize: ExpressibleByArgument, Encodable, Hashable, CustomStringConvertible {
    let width: Int
    let height: Int

    init(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
    }

    init?(argument: String) {
        let sides = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard (1...2).contains(sides.count), sides.allSatisfy({ (1...16_384).contains($0) }) else { return nil }
        self.init(width: sides[0], height: sides[sides.count - 1])
    }

    var description: String { "\(width) x \(height)" }

    /// As an argument.
    var argument: String { "\(width)x\(height)" }
}

extension Int {
    /// So many MiB in bytes.
    var mebibytes: Int { self << 20 }
}
