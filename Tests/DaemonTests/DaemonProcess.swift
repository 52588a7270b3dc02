import Foundation
import Glibc
import JSONText
import Jobs
import MemoryGroup
import Settings
import Synchronization
import SystemPackage
import Testing
import Varlink

/// The real `latentd serve` on a root of its own. What a test waits for is what the daemon says: READY=1 on the notification
/// socket, lines on standard error, replies on the control socket.
final class DaemonProcess: Sendable {
    let root: Root
    let journal: LineLog
    private let process: Process
    private let exit = Event<Int32>()

    /// Starts a daemon, in a control group and under a umask where they are given, and waits until it is ready, or has given up.
    init(
        _ root: Root, models: [String]? = nil, environment: [String: String] = [:], keepsNoSpace: Bool = true,
        group: MemoryGroup? = nil, umask: String? = nil
    ) async throws {
        self.root = root
        journal = LineLog()
        let notification = try NotificationSocket(path: root.path + "/notify")
        process = Process()
        let arguments =
            ["serve", "--root", root.path] + (models ?? [Executable.fixtureModels]).flatMap { ["--models", $0] }
        var (program, words) = group?.entering(Executable.latentd, arguments) ?? (Executable.latentd, arguments)
        if let umask {
            words = ["-c", "umask \(umask) && exec \"$0\" \"$@\"", program] + words
            program = "/bin/sh"
        }
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = words
        var variables = ProcessInfo.processInfo.environment
        variables["NOTIFY_SOCKET"] = notification.path
        // The disk of a build machine may be nearly full.
        if keepsNoSpace { variables["LATENTD_FREE_SPACE_RESERVE"] = "0B" }
        process.environment = variables.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardError = pipe
        process.terminationHandler = { [exit] process in
            // In this order: who hears of the exit may listen at the same path for the next daemon.
            notification.end()
            exit.set(process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus)
        }
        journal.read(from: pipe.fileHandleForReading)
        try process.run()
        await killedAtTimeLimit { await notification.waitForReady() }
    }

    deinit { if process.isRunning { signal(SIGKILL) } }

    var processID: Int32 { process.processIdentifier }

    /// What the kernel says of its memory: `VmRSS` is all that is resident, `RssAnon` what no file has.
    func bytes(_ field: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("\(field):") })
        return try #require(Int(line.filter(\.isNumber))) * 1024
    }

    /// Whether it still runs.
    var isRunning: Bool { process.isRunning }

    /// Sends a signal.
    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// How it ended: its exit code, or minus the signal that killed it.
    func end() async -> Int32 { await killedAtTimeLimit { await exit.value() } }

    /// Stops it as systemd does.
    @discardableResult
    func stop() async -> Int32 {
        signal(SIGTERM)
        return await end()
    }

    /// Calls a method of the control socket.
    func call<M: Varlink.Method>(_ method: M.Type, _ parameters: M.Parameters) async throws -> M.Reply {
        let path = root.layout.controlSocket.string
        let result = await killedAtTimeLimit {
            await onThread { Result { try Connection(path: path).call(M.self, parameters) } }
        }
        if case .failure(VarlinkError.cannotConnect) = result { Issue.record("the daemon said: \(journal.text)") }
        return try result.get()
    }

    /// Submits a job and answers its id.
    func submit(_ json: String) async throws -> JobID {
        try await call(Submit.self, Submit.Parameters(job: JSONValue(parsing: json.utf8), name: nil)).job.id
    }

    /// Follows a job until `isEnough`, or until it ends.
    @discardableResult
    func watch(
        _ id: JobID, until isEnough: @escaping @Sendable (JobProgress) -> Bool = { _ in false }
    ) async throws -> JobInfo {
        let path = root.layout.controlSocket.string
        return try await killedAtTimeLimit {
            await onThread {
                Result {
                    var last: JobInfo?
                    try Connection(path: path).stream(Watch.self, JobReference(id: id.rawValue)) { update in
                        last = update.job
                        return !isEnough(update)
                    }
                    guard let last else { throw VarlinkError.disconnected }
                    return last
                }
            }
        }.get()
    }

    /// Waits for the daemon, and kills it when the test's time is over: then whatever is waited for comes to an end.
    private func killedAtTimeLimit<Value: Sendable>(_ wait: @Sendable () async -> Value) async -> Value {
        await withTaskCancellationHandler {
            await wait()
        } onCancel: {
            signal(SIGKILL)
        }
    }
}

/// A temporary directory with an instance's folders, removed at the end.
final class Root: Sendable {
    let path: String
    let layout: Layout

    init() throws {
        path = NSTemporaryDirectory() + "latentd-\(UUID().uuidString.prefix(8))"
        layout = Layout(root: FilePath(path))
        for folder in ["spool/incoming", "etc"] {
            try FileManager.default.createDirectory(atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Puts a file into `incoming/` by rename.
    func drop(_ name: String, _ text: String) throws { try drop(name, Array(text.utf8)) }

    /// Puts a file into `incoming/` by rename.
    func drop(_ name: String, _ bytes: [UInt8]) throws {
        let draft = "\(path)/draft-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(fileURLWithPath: draft))
        guard rename(draft, "\(path)/spool/incoming/\(name)") == 0 else { throw Errno(rawValue: errno) }
    }

    func bytes(_ relative: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(relative)")))
    }

    func json(_ relative: String) throws -> JSONValue { try JSONValue(parsing: bytes(relative)) }

    func names(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []).sorted()
    }
}

/// The programs under test, which SwiftPM puts beside the tests.
enum Executable {
    private static let folder: String = {
        let test = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return (test as NSString).deletingLastPathComponent
    }()

    static let latentd = folder + "/latentd"
    static let latentctl = folder + "/latentctl"

    private static let tests = ((#filePath as NSString).deletingLastPathComponent as NSString)
        .deletingLastPathComponent

    static let fixtureModels = tests + "/Fixtures/models"
    static let embeddedModels = (tests as NSString).deletingLastPathComponent + "/models"

    /// Runs a program to its end.
    static func run(
        _ path: String, _ arguments: [String], input: String = ""
    ) async throws -> (code: Int32, output: String, errors: String) {
        try await onThread {
            Result {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: path)
                process.arguments = arguments
                let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
                (process.standardInput, process.standardOutput, process.standardError) = (stdin, stdout, stderr)
                try process.run()
                try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                try stdin.fileHandleForWriting.close()
                // Neither stream of these programs fills a pipe before the other is read.
                let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
                let errors = try stderr.fileHandleForReading.readToEnd() ?? Data()
                process.waitUntilExit()
                return (
                    process.terminationStatus, String(decoding: output, as: UTF8.self),
                    String(decoding: errors, as: UTF8.self)
                )
            }
        }.get()
    }

    /// Runs a program and kills it when so many lines of its standard error have been read, or when it ends before. Answers its exit code,
    /// or minus the signal that ended it.
    ///
    /// The lines come through a pipe of packets that holds a single one, so that the program waits for the reader: when line n
    /// has been read, it has written line n + 1 at the most, and not returned from writing line n + 2.
    @discardableResult
    static func kill(
        _ path: String, _ arguments: [String], afterLines lines: Int, by signal: Int32 = SIGKILL
    ) async throws -> Int32 {
        try await onThread {
            Result {
                var ends: [Int32] = [0, 0]
                // F_SETPIPE_SZ, which Glibc's module leaves out: a page, which is one packet.
                let setPipeSize: Int32 = 1031
                guard pipe(&ends) == 0, fcntl(ends[1], F_SETFL, __O_DIRECT) == 0, fcntl(ends[1], setPipeSize, 1) > 0,
                    ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 })
                else { throw Errno(rawValue: errno) }
                defer { close(ends[0]) }
                let process = Process()
                process.executableURL = URL(fileURLWithPath: path)
                process.arguments = arguments
                process.standardError = FileHandle(fileDescriptor: ends[1])
                process.standardOutput = FileHandle.nullDevice
                let started = Result { try process.run() }
                close(ends[1])
                try started.get()
                var packet = [UInt8](repeating: 0, count: 4096)
                for _ in 0..<lines where read(ends[0], &packet, packet.count) <= 0 { break }
                Glibc.kill(process.processIdentifier, signal)
                process.waitUntilExit()
                return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
            }
        }.get()
    }
}

/// Runs blocking code on a thread of its own, since the cooperative pool must not wait.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread { continuation.resume(returning: body()) }.start()
    }
}
