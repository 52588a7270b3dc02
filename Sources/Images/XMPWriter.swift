extension XMPPacket {
    /// The packet as UTF-8.
    func bytes() -> [UInt8] {
        var text = "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
        text += "<x:xmpmeta xmlns:x=\"\(Namespace.meta)\">\n"
        text += " <rdf:RDF xmlns:rdf=\"\(Namespace.rdf)\">\n  <rdf:Description rdf:about=\"\""
        for (namespace, prefix) in Namespace.prefixes.dropFirst() { text += "\n    xmlns:\(prefix)=\"\(namespace)\"" }
        text += ">\n"
        for (name, value) in properties { text += "   " + Self.element(Self.qualified(name), value) + "\n" }
        text += "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>"
        return Array(text.utf8)
    }

    private static func element(_ tag: String, _ value: Value) -> String {
        switch value {
        case .text(let text):
            return "<\(tag)>\(XML.escaped(text))</\(tag)>"
        case .localized(let text):
            let item = "<rdf:li xml:lang=\"x-default\">\(XML.escaped(text))</rdf:li>"
            return "<\(tag)><rdf:Alt>\(item)</rdf:Alt></\(tag)>"
        case .list(let items):
            return "<\(tag)><rdf:Seq>\(items.map { element("rdf:li", $0) }.joined())</rdf:Seq></\(tag)>"
        case .structure(let fields):
            let sorted = fields.sorted { $0.key.local < $1.key.local }
            let content = sorted.map { element(qualified($0.key), $0.value) }.joined()
            return "<\(tag) rdf:parseType=\"Resource\">\(content)</\(tag)>"
        }
    }

    private static func qualified(_ name: XML.Name) -> String {
        guard let prefix = Namespace.prefixes.first(where: { $0.0 == name.namespace })?.1 else {
            preconditionFailure("A property is written in a namespace that has a prefix.")
        }
        return "\(prefix):\(name.local)"
    }
}
