import Foundation
import Images
import Testing

@Suite("Picture metadata")
struct MetadataTests {
    static let prompts = [
        "a red apple, fluent 3d style",
        "<b>\"quotes\" & 'ampersands'</b> ]]> &amp; &#65;",
        "lines\nof\r\ntext\rwith\ttabs and  spaces ",
        "\u{0}\u{1}\u{1B}[31m\u{8}\u{FFFE}\u{FFFF}\u{7F}\u{85}",
        "Ünïcode 漢字 \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} e\u{301} \u{202E}right\u{202C} \u{10FFFD}",
        "Negative prompt: nothing\nSteps: 3, Sampler: none",
        " ", "\u{FEFF}", "(weights:1.2), \\(escaped\\)",
    ]

    @Test("Every prompt comes back as it was", arguments: prompts, ["", "bad & <worse>\u{3}"])
    func roundTrip(prompt: String, negative: String) throws {
        let metadata = sampleMetadata(prompt: prompt, negativePrompt: negative)
        let bytes = try WebP.encode(samplePicture(width: 8, height: 8), metadata: metadata)
        let read = try PictureMetadata(webp: bytes)
        #expect(Array(read.prompt.unicodeScalars) == Array(prompt.unicodeScalars))
        #expect(Array(read.negativePrompt.unicodeScalars) == Array(negative.unicodeScalars))
        #expect(read == metadata)
    }

    @Test("What a picture began with comes back too")
    func initImage() throws {
        var metadata = sampleMetadata(prompt: "a cat")
        metadata.initImage = .init(sha256: String(repeating: "5", count: 64), strength: 0.35)
        #expect(try PictureMetadata(xmpPacket: metadata.xmpPacket()) == metadata)
        let line = ParametersLine(metadata).text
        #expect(line.contains("Size: 128x128, Denoising strength: 0.35, Init image SHA-256: 555"))
    }

    @Test("A job with characters that XML cannot hold means the same when it comes back")
    func rawControlCharacters() throws {
        let job = "{\"prompt\": \"a\u{FFFE}b\u{FFFF}\"}"
        let read = try PictureMetadata(xmpPacket: sampleMetadata(prompt: "a\u{FFFE}b\u{FFFF}", job: job).xmpPacket())
        #expect(read.job == "{\"prompt\": \"a\\uFFFEb\\uFFFF\"}")
        #expect(read.prompt == "a\u{FFFE}b\u{FFFF}")
    }

    @Test("A packet that another tool rewrote in RDF's short form reads the same")
    func shortForm() throws {
        let packet = """
            <x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- rewritten --><r:RDF
              xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:l="https://latentd.org/ns/1.0/">
            <r:Description r:about="" l:width="128" l:height='128' l:seed="18446744073709551615" l:steps="20"
              l:sampler="euler-a" l:guidanceScale="7.5" l:randomSource="latentd" l:model="emoji" l:modelSHA256="00"
              l:precision="fp32" l:isa="avx512" l:version="0.1.0"/>
            <r:Description r:about="">
              <l:timings><r:Bag><r:li><r:Description l:stage="text" l:seconds="0.5"/></r:li>
                <r:li r:parseType="Resource"><l:stage>decode</l:stage><l:seconds>2</l:seconds></r:li>
                <r:li l:stage="encode" l:seconds="1e-3"/></r:Bag></l:timings>
              <l:job><![CDATA[{"prompt": "a <cat>"}]]></l:job></r:Description></r:RDF></x:xmpmeta>
            """
        let read = try PictureMetadata(xmpPacket: Array(packet.utf8) + [0, 0])
        #expect(read.prompt == "a <cat>")
        #expect(read.negativePrompt == "")
        #expect(read.seed == .max)
        #expect(read.timings.map(\.stage) == ["text", "decode", "encode"])
        #expect(read.timings.map(\.seconds) == [0.5, 2, 0.001])
    }

    @Test(
        "A packet that is not well formed is refused",
        arguments: [
            "", "<", "<a", "<a>", "<a></b>", "<a b=1/>", "<a b='1' b='2'/>", "<a>&unknown;</a>", "<a>&#0;</a>",
            "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<p:a/>", "<a/><b/>", "<a b='<'/>", "<!DOCTYPE a><a/>",
            "<a><![CDATA[</a>",
            "<a/>", String(repeating: "<a>", count: 10_000), "<a>\u{0}",
        ])
    func malformed(packet: String) {
        #expect(throws: ImageError.self) { try PictureMetadata(xmpPacket: Array(packet.utf8)) }
    }

    @Test("A packet in another encoding is refused")
    func notUTF8() {
        #expect(throws: ImageError.badMetadata("it is not UTF-8")) { try PictureMetadata(xmpPacket: [0x3C, 0xFF]) }
    }

    @Test("A packet without a fact, or with one that is no number, names the fact")
    func missingFact() {
        let good = String(decoding: sampleMetadata(prompt: "a cat").xmpPacket(), as: UTF8.self)
        let without = good.replacingOccurrences(of: "<latentd:steps>20</latentd:steps>", with: "")
        #expect(throws: ImageError.badMetadata("steps is missing")) {
            try PictureMetadata(xmpPacket: Array(without.utf8))
        }
        let wrong = good.replacingOccurrences(of: ">20<", with: ">many<")
        #expect(throws: ImageError.badMetadata("steps is not a number")) {
            try PictureMetadata(xmpPacket: Array(wrong.utf8))
        }
    }

    @Test("A picture that latentd did not make has no metadata")
    func foreign() throws {
        let bytes = try WebP.encode(samplePicture(width: 8, height: 8))
        #expect(throws: ImageError.noMetadata) { try PictureMetadata(webp: bytes) }
    }

    @Test("The parameters line is the one that other tools read")
    func parameters() {
        var metadata = sampleMetadata(prompt: "a red apple", negativePrompt: "blurry")
        metadata.guidanceScale = 7
        metadata.seed = 1
        #expect(
            ParametersLine(metadata).text == """
                a red apple
                Negative prompt: blurry
                Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 128x128, Model hash: abcdef1234, Model: emoji, \
                RNG: latentd, Version: latentd 0.1.0
                """)
        metadata.negativePrompt = ""
        metadata.model = "one, two: three"
        #expect(ParametersLine(metadata).text.hasPrefix("a red apple\nSteps: 20, "))
        #expect(ParametersLine(metadata).text.contains("Model: \"one, two: three\", RNG"))
    }

    @Test("The Exif comment is the parameters line in UTF-16")
    func exif() throws {
        let metadata = sampleMetadata(prompt: "漢字 \u{1F34E}")
        let bytes = try WebP.encode(samplePicture(width: 8, height: 8), metadata: metadata)
        let exif = try #require(try WebP.exif(of: bytes))
        func long(_ offset: Int) -> Int { exif[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        func short(_ offset: Int) -> Int { exif[offset..<offset + 2].reduce(0) { $0 << 8 | Int($1) } }
        #expect(exif.starts(with: [0x4D, 0x4D, 0, 42]))
        let first = long(4)
        #expect(short(first) == 2)
        #expect(short(first + 14) == 0x8769)
        let directory = long(first + 22)
        #expect(short(directory) == 1)
        #expect(short(directory + 2) == 0x9286)
        let (count, start) = (long(directory + 6), long(directory + 10))
        #expect(start + count == exif.count)
        #expect(exif[start..<start + 8].elementsEqual("UNICODE\0".utf8))
        let units = stride(from: start + 8, to: exif.count, by: 2).map { UInt16(short($0)) }
        #expect(String(decoding: units, as: UTF16.self) == ParametersLine(metadata).text)
    }

    @Test("The report's table obeys no control character of a prompt")
    func table() throws {
        let metadata = sampleMetadata(prompt: "a \u{1B}[2Jcat\nand \u{202E}a dog")
        let report = try PictureReport(
            webp: try WebP.encode(samplePicture(width: 8, height: 8), metadata: metadata))
        #expect(report.table.hasPrefix("prompt           a \u{FFFD}[2Jcat\n                 and \u{FFFD}a dog\n"))
        #expect(report.table.contains("\ndenoise seconds  1.250\n"))
        #expect(!report.table.contains("negative"))
    }

    @Test("The report's JSON has the job within it, numbers exact")
    func json() throws {
        let metadata = sampleMetadata(prompt: "a cat")
        let report = try PictureReport(
            webp: try WebP.encode(samplePicture(width: 8, height: 8), metadata: metadata))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(try report.json().utf8)) as? [String: Any])
        #expect(object["seed"] as? UInt64 == .max)
        #expect((object["job"] as? [String: Any])?["prompt"] as? String == "a cat")
        #expect((object["job"] as? [String: Any])?["seed"] as? UInt64 == .max)
        #expect(report.job == metadata.job)
    }
}
