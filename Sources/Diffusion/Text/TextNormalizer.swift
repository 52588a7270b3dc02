import Foundation

/// CLIP's clean-up: canonical composition (NFC), every run of white space one space, lower case scalar by scalar.
enum TextNormalizer {
    static func normalize(_ text: Substring) -> String {
        var result = String.UnicodeScalarView()
        var inSpace = false
        for scalar in composed(text) {
            if scalar.properties.isWhitespace {
                if !inSpace { result.append(" ") }
                inSpace = true
            } else {
                // Not `String.lowercased()`: that looks at neighbours (the Greek final sigma), the reference does not.
                // One by one: `append(contentsOf:)` of this view moves the whole text each time.
                for lower in scalar.properties.lowercaseMapping.unicodeScalars { result.append(lower) }
                inSpace = false
            }
        }
        return String(result)
    }

    /// ## Easy to get wrong
    /// - The reference composes by the tables of Unicode 9: a character that came later is a base without accents for it,
    ///   whatever it is. Texts are composed between such characters.
    /// - Swift's composition (6.3) takes three Tibetan vowel signs for bases, and leaves them behind marks that belong after
    ///   their parts: they are taken apart beforehand. It also composes a base beyond the first 65,536 characters as if it
    ///   were the one with the same low 16 bits: such a base ends a text, except in the two ranges that have
    ///   compositions of their own.
    private static func composed(_ text: Substring) -> String.UnicodeScalarView {
        var result = String.UnicodeScalarView(), known = String.UnicodeScalarView()
        func flush() {
            for scalar in String(known).precomposedStringWithCanonicalMapping.unicodeScalars { result.append(scalar) }
            known = String.UnicodeScalarView()
        }
        for scalar in text.unicodeScalars {
            if scalar.value < 0x300 {
                known.append(scalar)
            } else if let parts = tibetanVowels[scalar] {
                for part in parts { known.append(part) }
            } else if (scalar.properties.age?.major ?? 0) > 9 {
                flush()
                result.append(scalar)
            } else {
                known.append(scalar)
                if isLoneBase(scalar) { flush() }
            }
        }
        flush()
        return result
    }

    private static let tibetanVowels: [Unicode.Scalar: [Unicode.Scalar]] = [
        "\u{F73}": ["\u{F71}", "\u{F72}"], "\u{F75}": ["\u{F71}", "\u{F74}"], "\u{F81}": ["\u{F71}", "\u{F80}"],
    ]

    /// A base that nothing composes with, but that Swift would compose.
    private static func isLoneBase(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x10000 && scalar.properties.canonicalCombiningClass == .notReordered
            && !(0x11080..<0x11600).contains(scalar.value) && !(0x1D100..<0x1D200).contains(scalar.value)
    }
}
