import Foundation
import Images
import JSONText
import Jobs
import Testing
import Varlink

@Suite("The command lines", .timeLimit(.minutes(2)))
struct CommandLineTests {
    private func ctl(_ root: Root, _ arguments: String...) async throws -> (code: Int32, output: String, errors: String)
    {
        try await Executable.run(Executable.latentctl, ["--root", root.path] + arguments)
    }

    private func render(_ root: Root, _ job: String, _ arguments: [String]) async throws -> (Int32, String) {
        let file = root.path + "/job.json"
        try Data(job.utf8).write(to: URL(fileURLWithPath: file))
        let end = try await Executable.run(
            Executable.latentd, ["render", file, "--models", Executable.fixtureModels] + arguments)
        return (end.code, end.errors)
    }

    @Test("render makes a picture and its tensors without a daemon")
    func renders() async throws {
        let root = try Root()
        let (picture, tensors) = (root.path + "/out.webp", root.path + "/out.safetensors")
        let (code, errors) = try await render(
            root, quickJob("a", #","seed":3"#), ["--output", picture, "--dump", tensors])
        #expect(code == 0, "\(errors)")
        #expect(try PictureMetadata(webp: root.bytes("out.webp")).seed == 3)
        let header = String(decoding: try root.bytes("out.safetensors").dropFirst(8).prefix(4096), as: UTF8.self)
        for name in ["input_ids", "text_embeddings", "noise", "latents.1", "latents.2", "image"] {
            #expect(header.contains("\"\(name)\""))
        }
    }

    @Test("render's exit codes are those of sysexits.h, with a sentence each")
    func renderErrors() async throws {
        let root = try Root()
        let output = ["--output", root.path + "/out.webp"]
        let cases: [(job: String, arguments: [String], code: Int32, says: String)] = [
            (quickJob(), [], 64, "output"),
            (#"{"prompt":"a","colour":"red"}"#, output, 65, "colour"),
            (#"{"prompt":"a","model":"none"}"#, output, 65, "none"),
            (quickJob("a", #","precision":"int3""#), output, 65, "precision"),
            (quickJob(), output + ["--precision", "int3"], 64, "int3"),
            (quickJob(), ["--output", root.path + "/no/folder/out.webp"], 73, "no/folder"),
            (quickJob(), output + ["--dump", root.path + "/no/folder/t.safetensors"], 73, "no/folder"),
        ]
        for wrong in cases {
            let (code, errors) = try await render(root, wrong.job, wrong.arguments)
            #expect(code == wrong.code, "\(wrong.arguments) \(errors)")
            #expect(errors.contains(wrong.says), "\(errors)")
        }
        let missing = try await Executable.run(Executable.latentd, ["render", root.path + "/none.json"] + output)
        #expect(missing.code == 66 && missing.errors.contains("none.json"))
    }

    /// Runs a line of bash, in which `$latentd`, `$latentctl`, `$root` and `$render` stand for what they say.
    private func shell(_ root: Root, _ line: String) async throws -> (code: Int32, output: String, errors: String) {
        try Data(quickJob("a", #","seed":3"#).utf8).write(to: URL(fileURLWithPath: root.path + "/job.json"))
        let names = """
            latentd='\(Executable.latentd)'; latentctl='\(Executable.latentctl)'; root='\(root.path)'
            render="$latentd render $root/job.json --models \(Executable.fixtureModels)"
            cd "$root"; set -o pipefail

            """
        return try await Executable.run("/bin/bash", ["-c", names + line])
    }

    @Test("A picture goes to standard output, through links, FIFOs and devices, and nothing else with it")
    func outputs() async throws {
        let root = try Root()
        let plain = try await shell(root, "$render --output plain.webp")
        #expect(plain.code == 0, "\(plain.errors)")
        let bitstream = try WebP.bitstream(of: root.bytes("plain.webp"))
        for line in [
            "$render --output - > out.webp", "$render --output /dev/stdout | cat > out.webp",
            "$render --output /dev/fd/3 3> out.webp",
            "touch real; ln -s real link; $render --output link; cp real out.webp",
            "mkfifo pipe; cat pipe > out.webp & $render --output pipe; wait $!",
            "$render --output - --dump /dev/null > out.webp",
        ] {
            let end = try await shell(root, "rm -f out.webp real; " + line)
            #expect(end.code == 0 && end.errors.isEmpty, "\(line): \(end.errors)")
            #expect(try WebP.bitstream(of: root.bytes("out.webp")) == bitstream, "\(line)")
        }
        let tensors = try await shell(root, "$render --output out.webp --dump - | head -c 4096 > t; true")
        #expect(tensors.errors.isEmpty || tensors.errors.contains("Broken pipe"), "\(tensors.errors)")
        #expect(try String(decoding: root.bytes("t"), as: UTF8.self).contains("input_ids"))
        #expect(root.names("") == ["etc", "job.json", "link", "out.webp", "pipe", "plain.webp", "spool", "t"])
    }

    @Test("Two things for standard output, a closed pipe and a full device end with a code and a sentence")
    func outputErrors() async throws {
        let root = try Root()
        for (line, code, says) in [
            ("$render --output - --json", Int32(64), "standard output"),
            ("$render --output - --dump -", 64, "standard output"),
            ("$render --output /dev/full", 73, "No space left"),
            // Its reader opens the FIFO and goes.
            ("mkfifo p; (exec 3< p) & exec 4> p; wait; $render --output - >&4", 74, "nobody reads"),
            ("$latentctl --root . submit a --output - --json", 64, "standard output"),
        ] {
            let end = try await shell(root, line)
            #expect(end.code == code && end.errors.contains(says), "\(line): \(end.code) \(end.errors)")
        }
        // A limit of 1 KiB, below any picture of ours, stands for a full disk.
        let full = try await shell(
            root, "echo old > out.webp; chmod 640 out.webp; ulimit -f 1; $render --output out.webp")
        #expect(full.code == 73 && full.errors.contains("File too large"), "\(full.code) \(full.errors)")
        #expect(try root.bytes("out.webp") == Array("old\n".utf8))
        #expect(root.names("").filter { $0.hasPrefix(".") }.isEmpty)
    }

    @Test("Words that are not UTF-8 are refused on both command lines, and by name")
    func notText() async throws {
        let root = try Root()
        for (line, code, says) in [
            (#"$latentctl --root . submit $'a \xff'"#, Int32(64), "argument 4 is not UTF-8: see its byte 2"),
            (#"$latentctl --root . submit a --negative-prompt $'\xed\xa0\x80'"#, 64, "(after --negative-prompt)"),
            (#"$latentd render job.json --output $'\xc3.webp'"#, 64, "(after --output)"),
            (#"LATENTD_LOG_LEVEL=$'\xff' $latentd serve --root ."#, 78, "LATENTD_LOG_LEVEL"),
            (#"printf 'threads: 2\n# \xff' > etc/latentd.yaml; $latentd serve --root ."#, 78, "latentd.yaml, line 2"),
            (#"printf '{"prompt":"a\xff"}' > job.json; $latentctl --root . submit job.json"#, 65, "job.json"),
            (#"printf '{"prompt":"\\ud800"}' > job.json; $latentctl --root . submit job.json"#, 65, "surrogate"),
            (#"printf '{"prompt":"a\\u0000"}' > job.json; $latentctl --root . submit job.json"#, 65, "prompt"),
            (#"printf 'a\xff' > job.txt; $latentctl --root . submit job.txt"#, 65, "job.txt"),
        ] {
            let end = try await shell(root, line)
            #expect(end.code == code && end.errors.contains(says), "\(line): \(end.code) \(end.errors)")
        }
        #expect(root.names("spool/incoming").isEmpty)
    }

    @Test("submit drops the job into the spool when there is no daemon, and the next daemon does it")
    func submitWithoutDaemon() async throws {
        let root = try Root()
        let end = try await ctl(
            root, "submit", "a", "red", "apple", "--model", "sd1", "--steps", "1", "--name", "apple")
        #expect(end.code == 0 && end.output.contains("spool/incoming"), "\(end.errors)")
        #expect(end.errors.contains("no daemon answers"))
        let waiting = try await ctl(root, "submit", "a", "--wait")
        #expect(waiting.code == 69 && waiting.errors.contains("without a daemon"))
        let daemon = try await DaemonProcess(root)
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=apple") != nil)
        await daemon.stop()
    }

    @Test("submit --output waits, copies the picture, and inspect and view read it")
    func submitAndInspect() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let copy = root.path + "/copy.webp"
        let end = try await ctl(
            root, "submit", "a red apple", "--model", "sd1", "--steps", "2", "--seed", "5", "--output", copy)
        #expect(end.code == 0 && end.output == copy + "\n", "\(end.errors)")
        let report = try await ctl(root, "inspect", copy, "--json")
        #expect(try JSONValue(parsing: report.output.utf8)["seed"] == .number(JSONNumber(5)))
        let job = try await ctl(root, "inspect", copy, "--job")
        #expect(try JobRequest.decode(json: job.output.utf8).prompt == "a red apple")
        #expect(try await ctl(root, "view", copy, "--columns", "16").output.contains("\u{2580}"))
        await daemon.stop()
    }

    @Test(
        "a prompt that is too long is told by submit, plan, the journal and the record, with the words that are left out"
    )
    func longPrompt() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let words = String(repeating: "cat ", count: 75) + "by a Lighthouse"
        let left = "\"by a lighthouse\""
        let plan = try await ctl(root, "plan", words, "--model", "sd1", "--steps", "1")
        #expect(plan.code == 0 && plan.output.contains(left), "\(plan.output) \(plan.errors)")
        let job = ["submit", words, "--model", "sd1", "--steps", "1", "--name", "long", "--wait"]
        let end = try await Executable.run(Executable.latentctl, ["--root", root.path] + job)
        #expect(end.code == 0 && end.errors.contains("warning: The prompt is too long") && end.errors.contains(left))
        #expect(await daemon.journal.line(with: "A job has a warning", "left out") != nil)
        let record = try JSONValue(parsing: root.bytes("spool/done/long.json"))
        guard case .array(let warnings)? = record["warnings"] else {
            Issue.record("the record has no warnings")
            return
        }
        #expect(warnings.count == 1 && warnings[0].string?.contains(left) == true)
        await daemon.stop()
    }

    @Test("an empty prompt is drawn, and an empty text file is an error that says so")
    func emptyPrompt() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let end = try await ctl(root, "submit", "", "--model", "sd1", "--steps", "1", "--name", "nothing", "--wait")
        #expect(end.code == 0, "\(end.errors)")
        try Data(" \n".utf8).write(to: URL(fileURLWithPath: root.path + "/empty.txt"))
        let empty = try await ctl(root, "submit", root.path + "/empty.txt")
        #expect(empty.code == 65 && empty.errors.contains("the file is empty"), "\(empty.errors)")
        await daemon.stop()
    }

    @Test("Every question about the queue is answered as text and as JSON")
    func questions() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let id = try await daemon.submit(quickJob("a", #","id":"mine","output":{"name":"mine"}"#))
        try await daemon.watch(id)
        for command in [["status"], ["list"], ["show", "mine"], ["models"], ["plan", "a cup", "--budget", "5s"]] {
            let text = try await Executable.run(Executable.latentctl, command + ["--root", root.path])
            #expect(text.code == 0 && !text.output.isEmpty, "\(command) \(text.errors)")
            let json = try await Executable.run(Executable.latentctl, command + ["--root", root.path, "--json"])
            #expect(throws: Never.self) { try JSONValue(parsing: json.output.utf8) }
        }
        let calibration = try await ctl(root, "calibrate", "sd1", "--json")
        #expect(calibration.code == 0 && calibration.output.contains("step_seconds"), "\(calibration.errors)")
        #expect(try await ctl(root, "show", "none").code == 65)
        #expect(try await ctl(root, "cancel", "mine").code == 65)
        #expect(try await ctl(root, "submit", "a", "--width", "7").code == 65)
        #expect(try await ctl(root, "submit").code == 64)
        let doctor = try await ctl(root, "doctor").output
        let models = doctor.split(separator: "\n").first { $0.contains(" models ") } ?? ""
        #expect(models.contains("sd1") && models.contains("sd2") && !models.contains("none"), "\(doctor)")
        #expect(doctor.contains("latentd") && doctor.hasSuffix("\n") && !doctor.hasSuffix("\n\n"), "\(doctor)")
        await daemon.stop()
        let down = try await ctl(root, "status")
        #expect(down.code == 69 && down.errors.contains("latentd serve"))
    }

    @Test("probe says what the engine can do and what it can use, as JSON, and that it has no kernels")
    func probe() async throws {
        let root = try Root()
        try FileManager.default.createDirectory(atPath: root.path + "/bad", withIntermediateDirectories: true)
        try Data("{".utf8).write(to: URL(fileURLWithPath: root.path + "/bad/model_index.json"))
        let end = try await Executable.run(
            Executable.latentd, ["probe", "--models", Executable.fixtureModels, "--models", root.path])
        let info = try JSONDecoder().decode(ProbeInfo.self, from: Data(end.output.utf8))
        #expect(end.code == 0 && end.errors.isEmpty && end.output.hasSuffix("}\n"), "\(end)")
        #expect(info.models.contains("sd1") && info.hostProblem == nil && info.host?.isa.isEmpty == false)
        #expect(info.problems.count == 1 && info.problems[0].hasPrefix(root.path + "/bad: "), "\(info.problems)")
        let none = try await shell(root, "LATENTD_ISA=none $latentd probe")
        let poor = try JSONDecoder().decode(ProbeInfo.self, from: Data(none.output.utf8))
        #expect(none.code == 0 && poor.host == nil && poor.hostProblem?.contains("none") == true, "\(none)")
        let doctor = try await shell(root, "LATENTD_ISA=none $latentctl --root . doctor")
        #expect(doctor.code == 78 && doctor.output.contains("unset LATENTD_ISA"), "\(doctor)")
    }

    @Test("doctor without latentd says where it was looked for, and everything else that it can")
    func doctorWithoutEngine() async throws {
        let root = try Root()
        let end = try await shell(
            root, "mkdir alone; cp $latentctl alone/; PATH= alone/latentctl --root . doctor")
        #expect(end.code == 78 && end.errors.contains("have to be mended"), "\(end)")
        #expect(end.output.contains("neither beside latentctl nor in PATH"), "\(end)")
        #expect(end.output.contains("you may drop jobs into"), "\(end)")
    }

    @Test("doctor looks into the folders itself where no daemon answers, and says what a daemon cannot use")
    func doctorAlone() async throws {
        let root = try Root()
        let alone = try await ctl(root, "doctor")
        #expect(alone.code == 78 && alone.output.contains("none in ") && alone.output.hasSuffix("\n"), "\(alone)")
        let models = root.path + "/more"
        try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Executable.fixtureModels + "/sd1", toPath: models + "/good")
        try FileManager.default.createDirectory(atPath: models + "/bad", withIntermediateDirectories: true)
        try Data("{".utf8).write(to: URL(fileURLWithPath: models + "/bad/model_index.json"))
        let daemon = try await DaemonProcess(root, models: [models])
        let asked = try await ctl(root, "doctor")
        #expect(asked.output.contains("good; not usable: \(models)/bad"), "\(asked)")
        let json = try await ctl(root, "doctor", "--json")
        #expect(json.output.hasSuffix("]\n"))
        await daemon.stop()
    }
}
