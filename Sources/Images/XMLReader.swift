extension XML {
    /// Reads one document from bytes of UTF-8.
    ///
    /// Anything that is not well formed, nests deeper than `maximumDepth` or declares a document type is refused: no entity
    /// but the five of XML's own is ever expanded.
    static func root(of bytes: [UInt8]) throws(ImageError) -> Element {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .badMetadata("it is not UTF-8") }
        var reader = Reader(Array(text.unicodeScalars))
        return try reader.document()
    }

    /// How deep elements may nest.
    static let maximumDepth = 32

    private struct Reader {
        let scalars: [Unicode.Scalar]
        var position = 0

        init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

        mutating func document() throws(ImageError) -> Element {
            if peek == "\u{FEFF}" { position += 1 }
            try skipMisc()
            guard peek == "<" else { throw .badMetadata("there is no root element") }
            let root = try element(namespaces: ["xml": "http://www.w3.org/XML/1998/namespace"], depth: 1)
            try skipMisc()
            guard position == scalars.count else { throw .badMetadata("something follows the root element") }
            return root
        }

        /// `<name ...>content</name>` or `<name .../>`; `position` is at the `<`.
        mutating func element(namespaces: [String: String], depth: Int) throws(ImageError) -> Element {
            guard depth <= maximumDepth else { throw .badMetadata("its elements nest too deep") }
            position += 1
            let tag = try name()
            var namespaces = namespaces
            var written: [(name: String, value: String)] = []
            while skipSpace(), peek != ">", peek != "/" {
                let (name, value) = try attribute()
                guard !written.contains(where: { $0.name == name }) else {
                    throw .badMetadata("\(name) is given twice")
                }
                if name == "xmlns" {
                    namespaces[""] = value
                } else if name.hasPrefix("xmlns:") {
                    namespaces[String(name.dropFirst(6))] = value
                } else {
                    written.append((name, value))
                }
            }
            var element = Element(name: try resolved(tag, namespaces, unprefixed: namespaces[""] ?? ""))
            for (name, value) in written {
                element.attributes[try resolved(name, namespaces, unprefixed: "")] = value
            }
            if take("/>") { return element }
            try expect(">")
            try content(of: &element, namespaces, depth)
            guard try name() == tag else { throw .badMetadata("<\(tag)> is not closed") }
            skipSpace()
            try expect(">")
            return element
        }

        /// Everything up to and with the `</`.
        private mutating func content(
            of element: inout Element, _ namespaces: [String: String], _ depth: Int
        ) throws(ImageError) {
            while !take("</") {
                if take("<!--") {
                    try skip(past: "-->")
                } else if take("<?") {
                    try skip(past: "?>")
                } else if take("<![CDATA[") {
                    let start = position
                    try skip(past: "]]>")
                    element.text.unicodeScalars.append(contentsOf: scalars[start..<position - 3])
                } else if peek == "<" {
                    element.children.append(try self.element(namespaces: namespaces, depth: depth + 1))
                } else {
                    element.text.unicodeScalars.append(try character())
                }
            }
        }

        private mutating func attribute() throws(ImageError) -> (String, String) {
            let name = try name()
            skipSpace()
            try expect("=")
            skipSpace()
            guard let quote = peek, quote == "\"" || quote == "'" else { throw .badMetadata("\(name) has no value") }
            position += 1
            var value = ""
            while let next = peek, next != quote {
                guard next != "<" else { throw .badMetadata("\(name) holds a bare <") }
                value.unicodeScalars.append(try character())
            }
            position += 1
            return (name, value)
        }

        private mutating func name() throws(ImageError) -> String {
            let start = position
            while let next = peek, !" \t\r\n/>=<\"'&?!".unicodeScalars.contains(next) { position += 1 }
            guard position > start else { throw .badMetadata("a name is missing") }
            var name = String.UnicodeScalarView()
            name.append(contentsOf: scalars[start..<position])
            return String(name)
        }

        /// One character of text, a reference resolved.
        private mutating func character() throws(ImageError) -> Unicode.Scalar {
            guard let next = peek else { throw .badMetadata("it is cut short") }
            position += 1
            guard next == "&" else {
                guard next == "\r" else { return next }
                _ = take("\n")
                return "\n"
            }
            let start = position
            try skip(past: ";")
            let reference = String(String.UnicodeScalarView(scalars[start..<position - 1]))
            switch reference {
            case "amp": return "&"
            case "lt": return "<"
            case "gt": return ">"
            case "quot": return "\""
            case "apos": return "'"
            default: break
            }
            let code =
                reference.hasPrefix("#x")
                ? UInt32(reference.dropFirst(2), radix: 16)
                : reference.hasPrefix("#") ? UInt32(reference.dropFirst()) : nil
            guard let scalar = code.flatMap(Unicode.Scalar.init), XML.isAllowed(scalar) else {
                throw .badMetadata("it holds an unknown reference")
            }
            return scalar
        }

        private func resolved(
            _ name: String, _ namespaces: [String: String], unprefixed: String
        ) throws(ImageError) -> Name {
            guard let colon = name.firstIndex(of: ":") else { return Name(namespace: unprefixed, local: name) }
            guard let namespace = namespaces[String(name[..<colon])] else {
                throw .badMetadata("the prefix of \(name) is not declared")
            }
            return Name(namespace: namespace, local: String(name[name.index(after: colon)...]))
        }

        private mutating func skipMisc() throws(ImageError) {
            while true {
                skipSpace()
                if take("<?") {
                    try skip(past: "?>")
                } else if take("<!--") {
                    try skip(past: "-->")
                } else {
                    return
                }
            }
        }

        private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

        @discardableResult
        private mutating func skipSpace() -> Bool {
            while let next = peek, " \t\r\n".unicodeScalars.contains(next) { position += 1 }
            return true
        }

        private mutating func take(_ text: String) -> Bool {
            guard scalars[position...].starts(with: text.unicodeScalars) else { return false }
            position += text.unicodeScalars.count
            return true
        }

        private mutating func expect(_ text: String) throws(ImageError) {
            guard take(text) else { throw .badMetadata("\(text) is missing") }
        }

        private mutating func skip(past text: String) throws(ImageError) {
            while position < scalars.count {
                if take(text) { return }
                position += 1
            }
            throw .badMetadata("it is cut short")
        }
    }
}
