import Foundation
import Glibc
import JSONText
import Jobs
import Testing
import Varlink

@Suite("Users of one machine cannot hurt each other through a daemon", .timeLimit(.minutes(3)))
struct MemberTests {
    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    @Test(
        "A private instance is closed to others, whatever the umask is and whatever was open",
        arguments: ["000", "022", "077"])
    func modes(umask: String) async throws {
        let root = try Root()
        for folder in ["state", "cache", "run"] {
            try FileManager.default.createDirectory(atPath: "\(root.path)/\(folder)", withIntermediateDirectories: true)
            #expect(chmod("\(root.path)/\(folder)", 0o755) == 0)
        }
        let daemon = try await DaemonProcess(root, umask: umask)
        #expect(try await daemon.watch(daemon.submit(quickJob())).state == .succeeded)
        for folder in ["state", "cache", "run", "spool/work", "cache/prepared"] {
            #expect(mode("\(root.path)/\(folder)") == 0o700, "\(folder)")
        }
        for file in root.names("state") { #expect(mode("\(root.path)/state/\(file)") == 0o600, "\(file)") }
        #expect(root.names("state").count >= 4)
        for file in root.names("cache/prepared") {
            #expect(mode("\(root.path)/cache/prepared/\(file)") == 0o600, "\(file)")
        }
        #expect(!root.names("cache/prepared").isEmpty)
        #expect(mode(root.layout.controlSocket.string) == 0o600)
        await daemon.stop()
    }

    @Test("A root that others own or may change is refused, and so is a link below it; nothing behind it is removed")
    func foreignRoot() async throws {
        let target = try Root()
        for folder in ["work/tmp", "incoming"] {
            try FileManager.default.createDirectory(
                atPath: "\(target.path)/\(folder)", withIntermediateDirectories: true)
            try Data("keep".utf8).write(to: URL(fileURLWithPath: "\(target.path)/\(folder)/file"))
        }
        func expectRefusal(_ root: Root, _ words: String) async throws {
            let daemon = try await DaemonProcess(root)
            #expect(await daemon.end() == 73)
            #expect(await daemon.journal.line(with: words) != nil)
            #expect(target.names("work/tmp") == ["file"])
            #expect(target.names("incoming") == ["file"])
        }
        let open = try Root()
        #expect(chmod(open.path, 0o777) == 0)
        try await expectRefusal(open, "may be changed by others")
        for folder in ["spool", "state", "cache", "run"] {
            let linked = try Root()
            try? FileManager.default.removeItem(atPath: "\(linked.path)/\(folder)")
            #expect(symlink(target.path, "\(linked.path)/\(folder)") == 0)
            try await expectRefusal(linked, "\(folder) is not a folder")
        }
        if geteuid() == 0 {
            let foreign = try Root()
            #expect(chown(foreign.path, 65_534, 65_534) == 0)
            try await expectRefusal(foreign, "belongs to user 65534")
        }
    }

    @Test("A long list comes in pages that latentctl follows, and costs the daemon little")
    func pages() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        _ = try await daemon.call(Pause.self, Nothing())
        let prompt = String(repeating: "\u{1F34E}", count: 16_000)
        let lines = (0..<300).map { #"{"prompt": "\#(prompt)", "id": "long-\#($0)", "steps": 1}"# }
        // A file may hold 4 MiB.
        for (number, start) in stride(from: 0, to: lines.count, by: 60).enumerated() {
            try root.drop("part\(number).jsonl", lines[start..<start + 60].joined(separator: "\n"))
        }
        for number in 0..<lines.count {
            #expect(await daemon.journal.line(with: "Queued a job", "job.id=long-\(number)") != nil)
        }
        let before = try daemon.bytes("RssAnon")
        let first = try await daemon.call(List.self, List.Parameters(limit: 10_000))
        #expect(first.jobs.count < 20)
        #expect(first.next != nil)
        let all = try await Executable.run(
            Executable.latentctl, ["--root", root.path, "list", "--limit", "10000", "--json"])
        guard case .array(let jobs) = try JSONValue(parsing: all.output.utf8) else {
            Issue.record("a list is an array")
            return
        }
        #expect(jobs.count == 300)
        #expect(Set(jobs.compactMap { $0["id"]?.string }).count == 300)
        #expect(try daemon.bytes("RssAnon") - before < 160 << 20)
        #expect(try await daemon.call(Show.self, JobReference(id: "part0-7")).job.id.rawValue == "long-6")
        await daemon.stop()
    }

    @Test("Ten thousand bad lines cost two files, and the next job does not wait for them")
    func badLines() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        try root.drop("bad.jsonl", String(repeating: "{\n", count: 9_999) + quickJob("a", #","id":"good""#))
        #expect(await daemon.journal.line(with: "Refused a job", "9999 of 10000 jobs are wrong") != nil)
        let good = try #require(JobID(rawValue: "good"))
        #expect(try await daemon.watch(good).state == .succeeded)
        #expect(root.names("spool/failed") == ["bad.job.jsonl", "bad.json"])
        await daemon.stop()
    }

    @Test("Without the reserve on the disk nothing is taken in, and what waits is taken when there is room again")
    func reserve() async throws {
        let root = try Root()
        let file = URL(fileURLWithPath: root.path + "/etc/latentd.yaml")
        try Data("free_space_reserve: 1TiB\n".utf8).write(to: file)
        let daemon = try await DaemonProcess(root, keepsNoSpace: false)
        try root.drop("bad.json", "{")
        #expect(await daemon.journal.line(with: "Intake waits", "free_space_reserve") != nil)
        #expect(root.names("spool/incoming") == ["bad.json"])
        #expect(root.names("spool/failed").isEmpty)
        try Data("free_space_reserve: 0B\n".utf8).write(to: file)
        daemon.signal(SIGHUP)
        #expect(await daemon.journal.line(with: "Refused a job", "job.result=bad") != nil)
        await daemon.stop()
    }

    @Test(
        "The socket of a private instance is for its user alone",
        .enabled(if: geteuid() == 0, "only root can run a client as another user"))
    func foreignClient() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let answer = try await Executable.run(
            "/usr/bin/setpriv",
            ["--reuid=65534", "--regid=65534", "--clear-groups", Executable.latentctl, "--root", root.path, "status"])
        #expect(answer.code == 77)
        #expect(answer.errors.contains("you may not use"))
        await daemon.stop()
    }
}
