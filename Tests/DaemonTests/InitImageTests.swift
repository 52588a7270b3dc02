import Foundation
import Glibc
import Images
import JSONText
import Jobs
import Testing
import Varlink

/// A job that begins with a picture of the spool.
private func job(_ path: String, _ fields: String = "") -> String {
    #"{"prompt":"a","model":"tiny","steps":4,"init_image":"\#(path)"\#(fields)}"#
}

@Suite("A job may begin with a picture of the spool", .timeLimit(.minutes(2)))
struct InitImageTests {
    private let root: Root
    private let cat: [UInt8]

    init() throws {
        root = try Root()
        var pixels = [UInt8](repeating: 90, count: 50 * 41 * 3)
        for index in stride(from: 0, to: pixels.count, by: 3) { pixels[index] = UInt8(index % 256) }
        cat = try WebP.encode(RGBImage(width: 50, height: 41, pixels: pixels), compression: .lossless)
        try FileManager.default.createDirectory(
            atPath: root.path + "/spool/images/sub", withIntermediateDirectories: true)
        try put("cat.webp", cat)
    }

    private func put(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(root.path)/spool/images/\(name)"))
    }

    private func fixture(_ name: String, of folder: String = "pictures") throws -> [UInt8] {
        let golden = (Executable.fixtureModels as NSString).deletingLastPathComponent + "/golden/\(folder)/"
        return Array(try Data(contentsOf: URL(fileURLWithPath: golden + name)))
    }

    @Test("It says so, and a result may begin the next one")
    func pictures() async throws {
        let daemon = try await DaemonProcess(root)
        try root.drop("first.json", job("images/cat.webp", #","strength":0.5,"seed":3"#))
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=first") != nil)
        let record = try root.json("spool/done/first.json")
        #expect(record["init_image"]?["path"]?.string == "images/cat.webp")
        #expect(record["picture"]?["width"] == .number(JSONNumber(48)))
        try root.drop("second.json", job("done/first.webp"))
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=second") != nil)
        #expect(root.names("spool/images") == ["cat.webp", "sub"])
        await daemon.stop()
    }

    @Test("A photo of a phone begins a picture as it is seen, whatever its format")
    func photos() async throws {
        let daemon = try await DaemonProcess(root)
        for ending in ["jpg", "png", "webp"] {
            try put("phone.\(ending)", fixture("turned-6.\(ending)", of: "photos"))
            try root.drop("\(ending).json", job("images/phone.\(ending)"))
            #expect(await daemon.journal.line(with: "Finished a job", "job.result=\(ending)") != nil)
            let record = try root.json("spool/done/\(ending).json")
            #expect(record["init_image"]?["width"] == .number(JSONNumber(13)))
            #expect(record["picture"]?["height"] == .number(JSONNumber(16)))
        }
        await daemon.stop()
    }

    @Test("What is no picture, or not there, fails its own job by the field")
    func badPictures() async throws {
        try put("text.png", Array("no picture".utf8))
        try put("cut.webp", Array(cat.dropLast(20)))
        try put("animated.webp", fixture("animated.webp"))
        try put("cut.jpg", Array(fixture("turned-6.jpg", of: "photos").dropLast(30)))
        try put("cut.png", Array(fixture("rgb-8.png").dropLast(30)))
        var flipped = try fixture("rgb-8.png")
        flipped[400] = ~flipped[400]
        try put("flipped.png", flipped)
        // 30,000 x 30,000: a header, its checksum, and nothing behind.
        let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]
        let header: [UInt8] = [0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30, 8, 2, 0, 0, 0, 0xE9, 0x45, 0x6F, 0xED]
        let data: [UInt8] = [0, 0, 0, 0] + Array("IDAT".utf8) + [0x35, 0xAF, 0x06, 0x1E]
        try put("huge.png", signature + Array("IHDR".utf8) + header + data)
        #expect(symlink("cat.webp", root.path + "/spool/images/link.webp") == 0)
        #expect(symlink("/etc", root.path + "/spool/images/etc") == 0)
        let bad = [
            ("text.png", "neither a PNG nor a JPEG nor a WebP"), ("cut.webp", "cut short"),
            ("animated.webp", "animated"), ("cut.jpg", "cut short"),
            ("cut.png", "cut short"), ("flipped.png", "damaged"), ("huge.png", "30000 x 30000"),
            ("link.webp", "links are not followed"), ("etc/hostname", "links are not followed"),
            ("sub", "not a file"), ("none.webp", "No such file"),
        ]
        let daemon = try await DaemonProcess(root)
        for (number, (name, _)) in bad.enumerated() { try root.drop("bad\(number).json", job("images/\(name)")) }
        try root.drop("good.json", job("images/cat.webp", #","priority":-100"#))
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=good") != nil)
        for (number, (name, says)) in bad.enumerated() {
            let error = try root.json("spool/failed/bad\(number).json")["error"]
            #expect(error?["field"]?.string == "init_image", "\(name)")
            let message = error?["message"]?.string ?? "nothing"
            #expect(message.contains(says) && message.contains("images/"), "\(name): \(message)")
        }
        await daemon.stop()
    }

    @Test("A picture that vanishes while its job waits fails the job, which can be tried again when it is back")
    func vanished() async throws {
        let daemon = try await DaemonProcess(root)
        _ = try await daemon.call(Pause.self, Nothing())
        let id = try await daemon.submit(job("images/cat.webp"))
        #expect(unlink(root.path + "/spool/images/cat.webp") == 0)
        _ = try await daemon.call(Resume.self, Nothing())
        let failed = try await daemon.watch(id)
        #expect(failed.state == .failed && failed.failure?.field == "init_image")
        try put("cat.webp", cat)
        _ = try await daemon.call(Retry.self, JobReference(id: id.rawValue))
        #expect(try await daemon.watch(id).state == .succeeded)
        await daemon.stop()
    }

    @Test("The command lines take one, and say at once what is wrong with it")
    func commandLines() async throws {
        let daemon = try await DaemonProcess(root)
        func submit(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
            try await Executable.run(
                Executable.latentctl,
                ["--root", root.path, "submit", "a", "--model", "tiny", "--steps", "4"] + arguments)
        }
        let good = try await submit("--init-image", "images/cat.webp", "--strength", "0.5", "--wait")
        #expect(good.code == 0, "\(good.errors)")
        for (arguments, says) in [
            (["--init-image", "images/none.webp"], "none.webp"), (["--init-image", "../cat.webp"], "init_image"),
            (["--strength", "0.5"], "goes with an init_image"),
            (["--init-image", "images/cat.webp", "--strength", "1.1"], "strength"),
            (["--init-image", "images/cat.webp", "--strength", "0"], "strength"),
            (["--init-image", "images/cat.webp", "--strength", "nan"], "strength"),
            (["--init-image", "images/cat.webp", "--strength", "0.1"], "less than one step"),
        ] {
            let end = try await Executable.run(
                Executable.latentctl,
                ["--root", root.path, "submit", "a", "--model", "tiny", "--steps", "4"] + arguments)
            #expect(end.code != 0 && end.errors.contains(says), "\(arguments): \(end.errors)")
        }
        await daemon.stop()
    }

    @Test("render takes any file, and none from a spool that it has not")
    func render() async throws {
        let file = root.path + "/spool/images/cat.webp"
        func render(_ job: String, _ arguments: [String]) async throws -> (code: Int32, output: String, errors: String)
        {
            try await Executable.run(
                Executable.latentd,
                ["render", "-", "--models", Executable.fixtureModels, "--output", root.path + "/out.webp"] + arguments,
                input: job)
        }
        let plain = #"{"prompt":"a","model":"tiny","steps":4,"seed":1}"#
        let end = try await render(plain, ["--init-image", file, "--strength", "0.5", "--json"])
        #expect(end.code == 0, "\(end.errors)")
        #expect(try PictureMetadata(webp: root.bytes("out.webp")).initImage?.strength == 0.5)
        #expect(try JSONValue(parsing: end.output.utf8)["job"]?["init_image"]?.string == "images/cat.webp")
        for (job, arguments, code, says) in [
            (job("images/cat.webp"), [], Int32(65), "--init-image"),
            (plain, ["--strength", "0.5"], 65, "goes with an init_image"),
            (plain, ["--init-image", file, "--strength", "2"], 65, "strength"),
            (plain, ["--init-image", root.path + "/none.png"], 66, "none.png"),
            (plain, ["--init-image", Executable.fixtureModels + "/tiny/model_index.json"], 65, "neither a PNG"),
        ] {
            let end = try await render(job, arguments)
            #expect(end.code == code && end.errors.contains(says), "\(arguments): \(end.code) \(end.errors)")
        }
    }
}
