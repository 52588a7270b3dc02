import Foundation

/// CLIP's clean-up: canonical composition (NFC), every run of white space one space, lower case scalar by scalar.
enum TextNormalizer {
    static func normalize(_ text: Substring) -> String {
        var result = String.UnicodeScalarView()
        var inSpace = false
        for scalar in text.precomposedStringWithCanonicalMapping.unicodeScalars {
            if scalar.properties.isWhitespace {
                if !inSpace { result.append(" ") }
                inSpace = true
            } else {
                // Not `String.lowercased()`: that looks at neighbours (the Greek final sigma), the reference does not.
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
                inSpace = false
            }
        }
        return String(result)
    }
}
