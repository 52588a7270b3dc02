import Foundation

/// A line chart as SVG: time over memory, one line a size. Both axes are logarithmic in powers of 2 and 10 as people read them.
struct Chart {
    /// One line, with its points in the order of `x`.
    struct Line {
        let name: String
        let points: [(x: Double, y: Double)]
    }

    let title: String
    let xTitle: String
    let yTitle: String
    let lines: [Line]

    private static let width = 720.0, height = 420.0
    private static let left = 64.0, right = 150.0, top = 44.0, bottom = 52.0
    private static let colours = ["royalblue", "crimson", "seagreen", "darkgoldenrod", "rebeccapurple", "slategray"]

    var svg: String {
        let xs = Axis(lines.flatMap { $0.points.map(\.x) }, isLogarithmic: true)
        let ys = Axis(lines.flatMap { $0.points.map(\.y) } + [1], isLogarithmic: false)
        let (left, top) = (Self.left, Self.top)
        let right = Self.width - Self.right, bottom = Self.height - Self.bottom
        func x(_ value: Double) -> Double { left + xs.place(of: value) * (right - left) }
        func y(_ value: Double) -> Double { bottom - ys.place(of: value) * (bottom - top) }
        var parts = [
            #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \#(Int(Self.width)) \#(Int(Self.height))" "#
                + #"font-family="system-ui, sans-serif" font-size="12" fill="black">"#,
            #"<rect width="100%" height="100%" fill="white"/>"#,
            text(left, 24, title, #"font-size="15" font-weight="600""#),
        ]
        for tick in ys.ticks {
            parts.append(
                #"<path d="M\#(number(left)) \#(number(y(tick)))H\#(number(right))" stroke="gainsboro" stroke-width="1"/>"#
            )
            parts.append(text(left - 8, y(tick) + 4, label(tick), #"text-anchor="end""#))
        }
        for tick in xs.ticks {
            parts.append(
                #"<path d="M\#(number(x(tick))) \#(number(bottom))v5" stroke="dimgray" stroke-width="1"/>"#)
            parts.append(text(x(tick), bottom + 19, label(tick), #"text-anchor="middle""#))
        }
        parts.append(text((left + right) / 2, Self.height - 12, xTitle, #"text-anchor="middle""#))
        let middle = (top + bottom) / 2
        parts.append(
            text(18, middle, yTitle, #"text-anchor="middle" transform="rotate(-90 18 \#(number(middle)))""#))
        for (index, line) in lines.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            let path = line.points.map { "\(number(x($0.x))) \(number(y($0.y)))" }.joined(separator: "L")
            parts.append(#"<path d="M\#(path)" fill="none" stroke="\#(colour)" stroke-width="2"/>"#)
            for point in line.points {
                parts.append(
                    #"<circle cx="\#(number(x(point.x)))" cy="\#(number(y(point.y)))" r="3.5" fill="\#(colour)">"#
                        + "<title>\(escaped(line.name)): \(label(point.x)), \(label(point.y))</title></circle>")
            }
            let row = top + 10 + Double(index) * 20
            parts.append(
                #"<path d="M\#(number(right + 14)) \#(number(row))h18" stroke="\#(colour)" stroke-width="2"/>"#)
            parts.append(text(right + 38, row + 4, line.name, ""))
        }
        return (parts + ["</svg>\n"]).joined(separator: "\n")
    }

    private func text(_ x: Double, _ y: Double, _ words: String, _ attributes: String) -> String {
        #"<text x="\#(number(x))" y="\#(number(y))" \#(attributes)>\#(escaped(words))</text>"#
    }

    private func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private func label(_ value: Double) -> String {
        String(format: value == value.rounded() ? "%.0f" : "%.2f", value)
    }

    private func escaped(_ words: String) -> String {
        words.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    }
}

/// Where a value lies between the ends of an axis, and which values are named.
private struct Axis {
    let ticks: [Double]
    private let first: Double, last: Double
    private let isLogarithmic: Bool

    init(_ values: [Double], isLogarithmic: Bool) {
        self.isLogarithmic = isLogarithmic
        let least = values.min() ?? 1, most = max(values.max() ?? 2, least * 1.01)
        if isLogarithmic {
            // Powers of 2 around all values.
            let from = Int(log2(least).rounded(.down)), to = Int(log2(most).rounded(.up))
            ticks = (from...to).map { pow(2, Double($0)) }
            (first, last) = (pow(2, Double(from)), pow(2, Double(to)))
        } else {
            // From 0 in steps of 1, 2 or 5 times a power of 10, about six of them.
            let rough = most / 6, power = pow(10, log10(rough).rounded(.down))
            let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? power
            let count = Int((most / step).rounded(.up))
            ticks = (0...count).map { Double($0) * step }
            (first, last) = (0, Double(count) * step)
        }
    }

    func place(of value: Double) -> Double {
        isLogarithmic ? log(value / first) / log(last / first) : (value - first) / (last - first)
    }
}
