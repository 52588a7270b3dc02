import Foundation
import Glibc
import Jobs
import Testing
import Varlink

@Suite("Manners of a drop folder", .timeLimit(.minutes(2)))
struct DropFolderTests {
    @Test(
        "A file that is uploaded under another name is a job once it is renamed",
        arguments: [
            "job.json.1a2b3c4d.partial", "job.json.filepart", "job.json.crdownload", ".job.json.Xy12Zk",
            "~syncthing~job.json.tmp", "job.json.TEMP", "job.json.upl", "tmpab12cd",
        ])
    func uploads(draft: String) async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let incoming = root.path + "/spool/incoming/"
        try Data(quickJob().utf8).write(to: URL(fileURLWithPath: incoming + draft))
        // Whatever is taken at once was taken before a job that came later is done.
        try await daemon.watch(daemon.submit(quickJob()))
        #expect(rename(incoming + draft, incoming + "job.json") == 0)
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=job ") != nil)
        #expect(root.names("spool/failed").isEmpty)
        await daemon.stop()
    }

    @Test("Litter stays, a file of an unknown ending and a folder are told of when they lie still, each once")
    func litter() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root, environment: ["LATENTD_UNKNOWN_FILE_DELAY": "1s"])
        let incoming = root.path + "/spool/incoming"
        let litter = ["Thumbs.db", "desktop.ini", ".DS_Store", "._job.json", "Icon\r", "job.json~", "#job.json#"]
        for name in litter { try root.drop(name, "x") }
        #expect(mkdir(incoming + "/lost+found", 0o700) == 0)
        #expect(mkdir(incoming + "/jobs", 0o700) == 0)
        try Data(quickJob().utf8).write(to: URL(fileURLWithPath: incoming + "/jobs/one.json"))
        try root.drop("notes.xml", "<prompt/>")
        #expect(await daemon.journal.line(with: "Refused a job", "job.result=notes") != nil)
        #expect(await daemon.journal.line(with: "Refused a job", "job.result=jobs") != nil)
        #expect(root.names("spool/incoming") == (litter + ["lost+found", "jobs"]).sorted())
        #expect(root.names("spool/incoming/jobs") == ["one.json"])
        #expect(root.names("spool/failed") == ["jobs.json", "notes.job.xml", "notes.json"])
        await daemon.stop()
        // The next start knows the folder.
        let next = try await DaemonProcess(root, environment: ["LATENTD_UNKNOWN_FILE_DELAY": "0s"])
        try root.drop("more.xml", "<prompt/>")
        #expect(await next.journal.line(with: "Refused a job", "job.result=more") != nil)
        #expect(next.journal.lines(with: "job.result=jobs").isEmpty)
        #expect(root.names("spool/failed").filter { $0.hasPrefix("jobs") } == ["jobs.json"])
        await next.stop()
    }

    @Test("Folders that vanish are made again and told of, and jobs, good and bad, come to their ends")
    func vanishedFolders() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        // In one step each: what is removed file by file may be made again meanwhile.
        for folder in ["work", "done", "failed", "images"] {
            #expect(rename("\(root.path)/spool/\(folder)", "\(root.path)/gone-\(folder)") == 0)
        }
        try root.drop("good.json", quickJob())
        try root.drop("bad.json", "{")
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=good ") != nil)
        #expect(await daemon.journal.line(with: "Refused a job", "job.result=bad") != nil)
        for folder in ["work", "done", "failed", "images"] {
            let words = "A folder of the spool was gone and was made again"
            #expect(await daemon.journal.line(with: words, "path=\(root.path)/spool/\(folder)") != nil)
        }
        #expect(root.names("spool/done") == ["good.json", "good.webp"])
        #expect(root.names("spool/failed") == ["bad.job.json", "bad.json"])
        #expect(await daemon.stop() == 0)
    }

    @Test(
        "A link in the place of work/ stops the daemon with its name, and the file is still there",
        arguments: ["work", "failed"])
    func link(folder: String) async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let path = "\(root.path)/spool/\(folder)"
        // In one step: between two the daemon might make the folder again.
        #expect(symlink("/tmp", path + ".link") == 0)
        #expect(try exchange(path + ".link", path) == 0)
        try root.drop("job.json", quickJob())
        #expect(await daemon.end() == 73)
        #expect(await daemon.journal.line(with: "\(path) is not ") != nil, "\(daemon.journal.text)")
        #expect(root.names("spool/incoming") == ["job.json"])
        // Mended, the next start goes on.
        #expect(unlink(path) == 0)
        let next = try await DaemonProcess(root)
        #expect(await next.journal.line(with: "Finished a job", "job.result=job ") != nil)
        await next.stop()
    }
}

/// Gives each of two files the other's name; renameat2(2), which Glibc's module leaves out.
private func exchange(_ one: String, _ other: String) throws -> Int32 {
    typealias Rename = @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
    guard let symbol = dlsym(nil, "renameat2") else { throw POSIXError(.ENOSYS) }
    let rename = unsafeBitCast(symbol, to: Rename.self), exchanges: UInt32 = 2
    return rename(AT_FDCWD, one, AT_FDCWD, other, exchanges)
}
