/// As much of XML 1.0 with namespaces as an XMP packet needs: elements, attributes, text; no document types.
enum XML {
    /// A name and the namespace that its prefix stands for; empty for none.
    struct Name: Hashable {
        var namespace: String
        var local: String
    }

    /// An element with what lies in it. Comments and processing instructions are gone.
    struct Element: Equatable {
        var name: Name
        var attributes: [Name: String] = [:]
        var children: [Element] = []
        /// All text directly inside, joined.
        var text = ""

        /// The first child of that name.
        func child(_ name: Name) -> Element? { children.first { $0.name == name } }
    }

    /// Text as it stands in an element or in a quoted attribute.
    ///
    /// ## Easy to get wrong
    /// A reader turns a bare carriage return into a line feed, and a bare tab in an attribute into a space: both are written
    /// as references. Characters that XML 1.0 cannot hold at all become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t": result += "&#x9;"
            case "\n": result += "&#xA;"
            case "\r": result += "&#xD;"
            default: result.unicodeScalars.append(isAllowed(scalar) ? scalar : "\u{FFFD}")
            }
        }
        return result
    }

    /// `Char` of the XML 1.0 grammar.
    static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }
}
