/// An XMP packet (ISO 16684-1): properties of one resource, as RDF in XML.
///
/// ```
/// <?xpacket begin="BOM" id="..."?>
/// <x:xmpmeta> <rdf:RDF> <rdf:Description rdf:about="">
///     <latentd:seed>7</latentd:seed>                                        text
///     <latentd:timings> <rdf:Seq> <rdf:li> ... </rdf:li> </rdf:Seq> ...     list (Seq, Bag or Alt)
///     <rdf:li rdf:parseType="Resource"> <latentd:stage>text</latentd:stage> structure
/// </rdf:Description> </rdf:RDF> </x:xmpmeta>
/// <?xpacket end="w"?>
/// ```
/// Written in one form only; read in all that RDF allows a simple property, a list or a structure to take.
struct XMPPacket: Equatable {
    /// The value of a property.
    indirect enum Value: Equatable {
        case text(String)
        /// Kept apart by the language of each: an `rdf:Alt`.
        case localized(String)
        case list([Value])
        case structure([XML.Name: Value])
    }

    enum Namespace {
        static let rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        static let meta = "adobe:ns:meta/"
        static let xmp = "http://ns.adobe.com/xap/1.0/"
        static let dc = "http://purl.org/dc/elements/1.1/"
        static let exif = "http://ns.adobe.com/exif/1.0/"
        static let iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
        static let latentd = "https://latentd.org/ns/1.0/"

        /// The prefixes that are written; a reader goes by the namespaces alone.
        static let prefixes = [
            (rdf, "rdf"), (xmp, "xmp"), (dc, "dc"), (exif, "exif"), (iptc, "Iptc4xmpExt"), (latentd, "latentd"),
        ]
    }

    /// In the order in which they are written.
    var properties: [(name: XML.Name, value: Value)] = []

    static func == (one: XMPPacket, other: XMPPacket) -> Bool {
        one.properties.elementsEqual(other.properties) { $0.name == $1.name && $0.value == $1.value }
    }

    /// The first property of that name.
    subscript(namespace: String, local: String) -> Value? {
        properties.first { $0.name == XML.Name(namespace: namespace, local: local) }?.value
    }
}
