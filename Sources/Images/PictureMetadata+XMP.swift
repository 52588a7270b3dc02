import Foundation

extension PictureMetadata {
    private typealias Namespace = XMPPacket.Namespace

    /// The IPTC's word for a picture that a trained model made.
    private static let sourceType = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

    /// The XMP packet, UTF-8.
    public func xmpPacket() -> [UInt8] {
        let parameters = ParametersLine(self).text
        var packet = XMPPacket()
        packet.properties = [
            (XML.Name(namespace: Namespace.xmp, local: "CreatorTool"), .text("latentd \(version)")),
            (XML.Name(namespace: Namespace.iptc, local: "DigitalSourceType"), .text(Self.sourceType)),
            (XML.Name(namespace: Namespace.dc, local: "description"), .localized(prompt)),
            (XML.Name(namespace: Namespace.exif, local: "UserComment"), .localized(parameters)),
        ]
        let own: [(String, XMPPacket.Value)] = [
            ("prompt", .text(prompt)), ("negativePrompt", .text(negativePrompt)),
            ("width", .text("\(width)")), ("height", .text("\(height)")), ("seed", .text("\(seed)")),
            ("steps", .text("\(steps)")), ("sampler", .text(sampler)), ("guidanceScale", .text("\(guidanceScale)")),
            ("randomSource", .text(randomSource)), ("model", .text(model)), ("modelSHA256", .text(modelSHA256)),
            ("precision", .text(precision)), ("isa", .text(isa)), ("version", .text(version)),
            ("timings", .list(timings.map { .structure($0.xmpFields) })),
        ]
        let begun: [(String, XMPPacket.Value)] =
            initImage.map { [("initImageSHA256", .text($0.sha256)), ("strength", .text("\($0.strength)"))] } ?? []
        let texts: [(String, XMPPacket.Value)] = [
            ("parameters", .text(parameters)), ("job", .text(Self.holdable(job))),
        ]
        packet.properties += (own + begun + texts).map { (XML.Name(namespace: Namespace.latentd, local: $0.0), $0.1) }
        return packet.bytes()
    }

    /// Reads a packet that latentd wrote, whatever other tools added to it.
    public init(xmpPacket bytes: [UInt8]) throws(ImageError) {
        let packet = try XMPPacket(bytes: bytes)
        func text(_ name: String) throws(ImageError) -> String {
            guard case .text(let text)? = packet[Namespace.latentd, name] else {
                throw packet[Namespace.latentd, "version"] == nil ? .noMetadata : .badMetadata("\(name) is missing")
            }
            return text
        }
        func number<Number: LosslessStringConvertible>(_ name: String) throws(ImageError) -> Number {
            guard let number = Number(try text(name)) else { throw .badMetadata("\(name) is not a number") }
            return number
        }
        guard case .list(let stages) = packet[Namespace.latentd, "timings"] ?? .list([]) else {
            throw .badMetadata("timings is not a list")
        }
        var timings: [StageTiming] = []
        for stage in stages { timings.append(try StageTiming(xmp: stage)) }
        var initImage: InitImage?
        if packet[Namespace.latentd, "initImageSHA256"] != nil {
            initImage = InitImage(sha256: try text("initImageSHA256"), strength: try number("strength"))
        }
        let job = try text("job")
        guard let words = try? JSONDecoder().decode(Words.self, from: Data(job.utf8)) else {
            throw .badMetadata("job is not a job")
        }
        self.init(
            prompt: words.prompt, negativePrompt: words.negativePrompt ?? "", width: try number("width"),
            height: try number("height"), seed: try number("seed"), steps: try number("steps"),
            sampler: try text("sampler"), guidanceScale: try number("guidanceScale"),
            randomSource: try text("randomSource"), model: try text("model"), modelSHA256: try text("modelSHA256"),
            precision: try text("precision"), isa: try text("isa"), version: try text("version"), timings: timings,
            initImage: initImage, job: job)
    }

    /// The two texts that the job holds exactly.
    private struct Words: Decodable {
        var prompt: String
        var negativePrompt: String?

        enum CodingKeys: String, CodingKey {
            case prompt
            case negativePrompt = "negative_prompt"
        }
    }

    /// JSON says any character in ASCII, and only strings hold those that XML cannot.
    private static func holdable(_ json: String) -> String {
        var result = ""
        for scalar in json.unicodeScalars {
            if XML.isAllowed(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                let digits = String(scalar.value, radix: 16, uppercase: true)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result
    }
}

extension PictureMetadata.StageTiming {
    private static let stageName = XML.Name(namespace: XMPPacket.Namespace.latentd, local: "stage")
    private static let secondsName = XML.Name(namespace: XMPPacket.Namespace.latentd, local: "seconds")

    fileprivate var xmpFields: [XML.Name: XMPPacket.Value] {
        [Self.stageName: .text(stage), Self.secondsName: .text("\(seconds)")]
    }

    fileprivate init(xmp value: XMPPacket.Value) throws(ImageError) {
        guard case .structure(let fields) = value, case .text(let stage)? = fields[Self.stageName],
            case .text(let text)? = fields[Self.secondsName], let seconds = Double(text)
        else { throw .badMetadata("a timing is not a stage and its seconds") }
        self.init(stage: stage, seconds: seconds)
    }
}
