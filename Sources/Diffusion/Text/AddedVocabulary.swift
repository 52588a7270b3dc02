import Models

/// The tokens that are found in a text before it is cut into words, with their ids: the `tokenizers` library's
/// `AddedVocabulary`.
///
/// One that the vocabulary has keeps its id there, any other gets the next free one, in the order in which they are added.
struct AddedVocabulary: Sendable {
    private(set) var ids: [String: Int32] = [:]
    private var tokens: [Int32: AddedToken] = [:]
    /// Those that are looked for in the text as it came, and in the normalized text, by their first character; the longest first.
    private var raw: [Unicode.Scalar: [Pattern]] = [:], normalized: [Unicode.Scalar: [Pattern]] = [:]
    /// Special tokens are text like any other.
    private let splitsSpecial: Bool

    private struct Pattern: Sendable {
        let scalars: [Unicode.Scalar]
        let id: Int32
        let token: AddedToken
    }

    /// Adds `list` in its order. What is said of a token later replaces what was said before.
    init(_ list: [AddedToken], to vocabulary: [String: Int32], splitsSpecial: Bool) {
        self.splitsSpecial = splitsSpecial
        var next = Int32(vocabulary.count)
        for token in list {
            let id = ids[token.content] ?? vocabulary[token.content] ?? next
            next = max(next, id + 1)
            ids[token.content] = id
            tokens[id] = token
        }
        for (id, token) in tokens {
            let text = token.isNormalized ? TextNormalizer.normalize(token.content[...]) : token.content
            let pattern = Pattern(scalars: Array(text.unicodeScalars), id: id, token: token)
            guard let first = pattern.scalars.first else { continue }
            if token.isNormalized {
                normalized[first, default: []].append(pattern)
            } else {
                raw[first, default: []].append(pattern)
            }
        }
        let longestFirst = { (one: Pattern, other: Pattern) in
            (other.scalars.count, one.id) < (one.scalars.count, other.id)
        }
        raw = raw.mapValues { $0.sorted(by: longestFirst) }
        normalized = normalized.mapValues { $0.sorted(by: longestFirst) }
    }

    enum Piece {
        case text(Substring)
        case token(Int32)
    }

    /// The text of a token, as it is written.
    func content(of id: Int32) -> String { tokens[id]?.content ?? "" }

    /// Cuts `text` at the tokens of one kind: pieces of text and tokens in their order.
    ///
    /// ## Easy to get wrong
    /// - A token that is found but does not count, because it is no word by itself, still hides shorter ones inside it.
    /// - White space that a token takes from its right is looked through for the next token all the same.
    func split(_ text: Substring, normalized isNormalized: Bool) -> [Piece] {
        let patterns = isNormalized ? normalized : raw
        let scalars = text.unicodeScalars
        guard !patterns.isEmpty else { return scalars.isEmpty ? [] : [.text(text)] }
        var pieces: [Piece] = []
        var done = scalars.startIndex, position = done
        while position < scalars.endIndex {
            guard
                let pattern = patterns[scalars[position]]?.first(where: {
                    scalars[position...].starts(with: $0.scalars)
                })
            else {
                scalars.formIndex(after: &position)
                continue
            }
            var start = position
            position = scalars.index(position, offsetBy: pattern.scalars.count)
            var stop = position
            let token = pattern.token
            if splitsSpecial && token.isSpecial { continue }
            if token.isSingleWord, scalars[..<start].last?.isWord == true || scalars[stop...].first?.isWord == true {
                continue
            }
            if token.stripsLeft {
                let spaces = scalars[..<start].reversed().prefix { $0.properties.isWhitespace }.count
                start = max(scalars.index(start, offsetBy: -spaces), done)
            }
            if token.stripsRight {
                stop = scalars[stop...].firstIndex { !$0.properties.isWhitespace } ?? scalars.endIndex
            }
            if done < start { pieces.append(.text(Substring(scalars[done..<start]))) }
            pieces.append(.token(pattern.id))
            done = stop
        }
        if done < scalars.endIndex { pieces.append(.text(Substring(scalars[done...]))) }
        return pieces
    }
}

extension Unicode.Scalar {
    /// What a regular expression calls `\w`: letters, marks, digits, connecting punctuation, joiners. As in `WordSplitter`, the
    /// reference knows Unicode 16.
    fileprivate var isWord: Bool {
        guard (properties.age?.major ?? 0) <= 16 else { return false }
        if properties.isAlphabetic || properties.isJoinControl { return true }
        return switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
        default: false
        }
    }
}
