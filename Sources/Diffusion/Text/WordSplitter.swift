/// Cuts normalized text into words, as two regular expressions one after the other do:
///
/// ```
/// <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+     (keep what matches)
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+                      (cut there again)
/// ```
/// The second finds something to cut only in the words that the first recognizes as markers: `<|`, `endoftext`, `|>`.
///
/// ## Easy to get wrong
/// The reference knows Unicode 16. A letter or number that came later is neither for it.
struct WordSplitter: Sequence, IteratorProtocol {
    private let scalars: String.UnicodeScalarView
    private var position: String.UnicodeScalarView.Index
    private var queued: [Substring] = []

    init(_ text: Substring) {
        scalars = String(text).unicodeScalars
        position = scalars.startIndex
    }

    private enum Kind {
        case space, letter, number, other

        init(_ scalar: Unicode.Scalar) {
            switch scalar.properties.generalCategory {
            case _ where (scalar.properties.age?.major ?? 0) > 16: self = .other
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
            case .decimalNumber, .letterNumber, .otherNumber: self = .number
            default: self = scalar.properties.isWhitespace ? .space : .other
            }
        }
    }

    private static let markers = ["<|startoftext|>", "<|endoftext|>"]
    private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]

    mutating func next() -> Substring? {
        if !queued.isEmpty { return queued.removeFirst() }
        while position < scalars.endIndex, Kind(scalars[position]) == .space { scalars.formIndex(after: &position) }
        guard position < scalars.endIndex else { return nil }
        let start = position
        if let marker = WordSplitter.markers.first(where: { hasPrefix($0) }) {
            let name = scalars.index(start, offsetBy: 2)
            position = scalars.index(start, offsetBy: marker.unicodeScalars.count)
            let close = scalars.index(position, offsetBy: -2)
            queued = [Substring(scalars[name..<close]), Substring(scalars[close..<position])]
            return Substring(scalars[start..<name])
        }
        if let contraction = WordSplitter.contractions.first(where: { hasPrefix($0) }) {
            position = scalars.index(start, offsetBy: contraction.unicodeScalars.count)
            return Substring(scalars[start..<position])
        }
        let kind = Kind(scalars[start])
        repeat {
            scalars.formIndex(after: &position)
        } while kind != .number && position < scalars.endIndex
            && Kind(scalars[position]) == kind
        return Substring(scalars[start..<position])
    }

    private func hasPrefix(_ prefix: String) -> Bool {
        scalars[position...].starts(with: prefix.unicodeScalars)
    }
}
