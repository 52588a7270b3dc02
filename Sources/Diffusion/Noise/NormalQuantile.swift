/// The inverse of the normal distribution: Wichura's algorithm AS 241 (PPND16), accurate to about 1e-16.
///
/// Only additions, products, quotients and square roots, which IEEE 754 rounds exactly; the logarithm of the tails is our own
/// for the same reason.
enum NormalQuantile {
    /// The number below which a part `p` of the distribution lies, 0 < p < 1.
    static func value(at p: Double) -> Double {
        let q = p - 0.5
        if q.magnitude <= 0.425 {
            let r = 0.180625 - q * q
            return q * ratio(centre, r)
        }
        let r = (-logarithm(q < 0 ? p : 1 - p)).squareRoot()
        let magnitude = r <= 5 ? ratio(middle, r - 1.6) : ratio(tail, r - 5)
        return q < 0 ? -magnitude : magnitude
    }

    /// The natural logarithm of a positive normal number, by the series of the inverse hyperbolic tangent.
    static func logarithm(_ x: Double) -> Double {
        var exponent = Double(x.exponent)
        var significand = x.significand
        if significand > 1.4142135623730951 {
            significand *= 0.5
            exponent += 1
        }
        let s = (significand - 1) / (significand + 1)
        let square = s * s
        var sum = 0.0
        for odd in stride(from: 23.0, through: 3.0, by: -2) { sum = square * (sum + 1 / odd) }
        return exponent * 0.6931471805599453 + 2 * (s + s * sum)
    }

    private typealias Coefficients = (numerator: [Double], denominator: [Double])

    private static func ratio(_ coefficients: Coefficients, _ r: Double) -> Double {
        polynomial(coefficients.numerator, r) / polynomial(coefficients.denominator, r)
    }

    /// Coefficients from the highest power down.
    private static func polynomial(_ coefficients: [Double], _ r: Double) -> Double {
        coefficients.reduce(0) { $0 * r + $1 }
    }

    private static let centre: Coefficients = (
        [
            2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
            13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
        ],
        [
            5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
            5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1,
        ]
    )
    private static let middle: Coefficients = (
        [
            7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
            3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
        ],
        [
            1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
            0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1,
        ]
    )
    private static let tail: Coefficients = (
        [
            2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
            0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772,
        ],
        [
            2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
            0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1,
        ]
    )
}
