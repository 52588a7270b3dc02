extension XMPPacket {
    /// Reads a packet, with or without its wrapper.
    init(bytes: [UInt8]) throws(ImageError) {
        // Some writers pad with NUL; none of them is XML.
        let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        let root = try XML.root(of: Array(bytes[..<end]))
        let name = XML.Name(namespace: Namespace.rdf, local: "RDF")
        guard let rdf = root.name == name ? root : root.child(name) else { throw .badMetadata("it is not RDF") }
        let description = XML.Name(namespace: Namespace.rdf, local: "Description")
        for resource in rdf.children where resource.name == description {
            properties += Self.properties(of: resource)
        }
    }

    /// A resource's properties: its attributes (the short form of text) and its child elements.
    private static func properties(of element: XML.Element) -> [(name: XML.Name, value: Value)] {
        let short = element.attributes.filter { isProperty($0.key) }.map { (name: $0.key, value: Value.text($0.value)) }
        return short.sorted { $0.name.local < $1.name.local } + element.children.map { ($0.name, value(of: $0)) }
    }

    private static func value(of element: XML.Element) -> Value {
        let rdf = element.children.first { $0.name.namespace == Namespace.rdf }
        switch rdf?.name.local {
        case "Alt":
            return .localized(rdf?.children.first?.text ?? "")
        case "Seq", "Bag":
            return .list((rdf?.children ?? []).map(value(of:)))
        case "Description":
            return structure(rdf ?? element)
        default:
            let isStructure = !element.children.isEmpty || element.attributes.keys.contains(where: isProperty)
            return isStructure ? structure(element) : .text(element.text)
        }
    }

    private static func structure(_ element: XML.Element) -> Value {
        let fields = properties(of: element).map { ($0.name, $0.value) }
        return .structure(Dictionary(fields, uniquingKeysWith: { first, _ in first }))
    }

    /// Syntax (`rdf:about`, `rdf:parseType`, `xml:lang`) is not a property.
    private static func isProperty(_ name: XML.Name) -> Bool {
        ![Namespace.rdf, "http://www.w3.org/XML/1998/namespace", ""].contains(name.namespace)
    }
}
