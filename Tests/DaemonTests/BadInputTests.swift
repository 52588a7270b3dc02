import Foundation
import Glibc
import Jobs
import Testing
import Varlink

@Suite("Bad input ends in failed/, says why, and harms nobody", .timeLimit(.minutes(2)))
struct BadInputTests {
    /// A bad file, and what `failed/NAME.json` must say.
    struct Bad: CustomTestStringConvertible, Sendable {
        var file: String
        var content: [UInt8]
        var says: String
        var name: String { (file as NSString).deletingPathExtension }
        var testDescription: String { file }

        init(_ file: String, _ content: String, says: String) {
            self.init(file, Array(content.utf8), says: says)
        }

        init(_ file: String, _ content: [UInt8], says: String) {
            (self.file, self.content, self.says) = (file, content, says)
        }
    }

    static let files = [
        Bad("broken.json", #"{"prompt": "a""#, says: "line 1"),
        Bad("unknown.json", #"{"prompt":"a","promt":"b"}"#, says: "promt"),
        Bad("zero.json", #"{"prompt":"a","width":0}"#, says: "width"),
        Bad("huge.json", #"{"prompt":"a","height":1000000000}"#, says: "height"),
        Bad("vaster.json", #"{"prompt":"a","width":9223372036854775800,"height":9223372036854775800}"#, says: "width"),
        Bad("odd.json", #"{"prompt":"a","model":"sd1","width":60,"height":64,"steps":1}"#, says: "width"),
        Bad("long.json", #"{"prompt":""# + String(repeating: "x", count: 20_000) + #""}"#, says: "prompt"),
        Bad("vast.txt", Array(repeating: 0x41, count: 10 << 20), says: "larger than"),
        Bad("bytes.txt", [0x61, 0xFF, 0xFE], says: "UTF-8"),
        Bad("climb.json", #"{"prompt":"a","output":{"name":"../climb"}}"#, says: "output.name"),
        Bad("absolute.json", #"{"prompt":"a","output":{"name":"/etc/passwd"}}"#, says: "output.name"),
        Bad("model.json", #"{"prompt":"a","model":"none"}"#, says: "none"),
        Bad("precision.json", #"{"prompt":"a","precision":"int3"}"#, says: "one of int4, int8, bf16, fp32"),
        Bad("damaged.json", #"{"prompt":"a","model":"damaged"}"#, says: "model.safetensors"),
        Bad("ending.xml", "<prompt/>", says: "ends neither"),
        Bad("empty.json", "", says: "no job"),
    ]

    @Test("Every bad file is refused by name and field, and the next job runs")
    func badFiles() async throws {
        let root = try Root()
        let models = try damagedModel(in: root)
        let daemon = try await DaemonProcess(
            root, models: [Executable.fixtureModels, models], environment: ["LATENTD_UNKNOWN_FILE_DELAY": "0s"])
        for bad in Self.files { try root.drop(bad.file, bad.content) }
        try root.drop("good.json", quickJob("a", #","priority":-100"#))
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=good") != nil)
        for bad in Self.files {
            let words =
                bad.name == "model" || bad.name == "damaged" || bad.name == "odd" ? "A job failed" : "Refused a job"
            _ = await daemon.journal.line(with: words, bad.name)
            let report = try? root.json("spool/failed/\(bad.name).json")
            let message = report?["error"]?["message"]?.string ?? "nothing"
            #expect(message.contains(bad.says), "\(bad.file): \(message)")
        }
        #expect(root.names("spool/incoming").isEmpty)
        #expect(root.names("spool/done") == ["good.json", "good.webp"])
        await daemon.stop()
    }

    @Test("Links, pipes, folders, devices and strange names are no jobs, and nobody follows or opens them")
    func strangeObjects() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root, environment: ["LATENTD_UNKNOWN_FILE_DELAY": "0s"])
        let incoming = root.path + "/spool/incoming"
        try root.drop("victim", "do not touch")
        #expect(symlink("/etc/hostname", incoming + "/link.txt") == 0)
        #expect(mkfifo(incoming + "/pipe.json", 0o600) == 0)
        #expect(mkdir(incoming + "/folder.json", 0o700) == 0)
        try root.drop("new\nline.txt", "x\u{0}y")
        var names = ["link", "pipe", "folder"]
        // Making a device takes root.
        if mknod(incoming + "/device.txt", S_IFCHR | 0o600, 0x0103) == 0 { names.append("device") }
        for name in names {
            #expect(await daemon.journal.line(with: "Refused a job", "job.result=\(name)") != nil)
            let message = try root.json("spool/failed/\(name).json")["error"]?["message"]?.string ?? ""
            #expect(message.contains("not a file"), "\(name): \(message)")
        }
        #expect(await daemon.journal.line(with: "Refused a job", "new_line") != nil)
        let id = try await daemon.submit(quickJob())
        #expect(try await daemon.watch(id).state == .succeeded)
        #expect(FileManager.default.fileExists(atPath: "/etc/hostname"))
        await daemon.stop()
    }

    @Test(
        "A file that may not be read is refused",
        .enabled(if: geteuid() != 0, "root may read every file, so there is nothing to refuse"))
    func unreadable() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        try root.drop("later.txt", "x")
        try root.drop("secret.part", "a red apple")
        let path = root.path + "/spool/incoming/secret"
        #expect(chmod(path + ".part", 0) == 0)
        #expect(rename(path + ".part", path + ".txt") == 0)
        #expect(await daemon.journal.line(with: "Refused a job", "job.result=secret") != nil)
        await daemon.stop()
    }

    @Test("Settings that are wrong refuse the start and name file, key and line")
    func settings() async throws {
        let root = try Root()
        try Data("max_crashes: many\n".utf8).write(to: URL(fileURLWithPath: root.path + "/etc/latentd.yaml"))
        let daemon = try await DaemonProcess(root)
        #expect(await daemon.end() == 78)
        let line = await daemon.journal.line(with: "max_crashes")
        #expect(line?.contains("latentd.yaml") == true)
    }

    @Test("A second daemon on the same root is refused and the first goes on")
    func secondDaemon() async throws {
        let root = try Root()
        let first = try await DaemonProcess(root)
        let second = try await DaemonProcess(root)
        #expect(await second.end() == 75)
        #expect(await second.journal.line(with: "another latentd") != nil)
        #expect(try await first.watch(first.submit(quickJob())).state == .succeeded)
        await first.stop()
    }

    /// A copy of a fixture model whose UNet is cut short.
    private func damagedModel(in root: Root) throws -> String {
        let folder = root.path + "/models"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Executable.fixtureModels + "/sd1", toPath: folder + "/damaged")
        let weights = folder + "/damaged/unet/diffusion_pytorch_model.safetensors"
        #expect(truncate(weights, 1000) == 0)
        return folder
    }
}
