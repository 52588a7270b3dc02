import Foundation
import Varlink

/// The engine of this host. It lives in `latentd`: what only it knows is asked of a `latentd` that runs as the user, and ends with its
/// answer.
struct Engine: Sendable {
    /// Why it did not answer.
    struct Failure: Error, Equatable {
        /// What went wrong.
        let message: String
        /// What to do about it.
        let hint: String
    }

    private let program: String?

    /// The engine in `program`; nil where there is none.
    init(program: String? = Engine.installed) { self.program = program }

    /// `latentd` beside this program, since both are installed together, or else the first one in `PATH`.
    static var installed: String? {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = [(own as NSString).deletingLastPathComponent] + path.split(separator: ":").map(String.init)
        return folders.map { $0 + "/latentd" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// What the engine can do here, and what it can use of the folders of model folders in `directories`.
    func probe(_ directories: [String]) throws(Failure) -> ProbeInfo {
        guard let program else {
            throw Failure(
                message: "only latentd knows, and it is neither beside latentctl nor in PATH",
                hint: "install latentd, or put its folder into PATH")
        }
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["probe"] + directories.flatMap { ["--models", $0] }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        let hint = "install latentd and latentctl of one version"
        do {
            try process.run()
            let answer = try pipe.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            guard process.terminationReason == .exit, process.terminationStatus == 0 else {
                let kind = process.terminationReason == .exit ? "code" : "signal"
                throw Failure(
                    message: "'\(program) probe' ended with \(kind) \(process.terminationStatus)", hint: hint)
            }
            return try JSONDecoder().decode(ProbeInfo.self, from: answer)
        } catch let failure as Failure {
            throw failure
        } catch {
            let reason = (error as NSError).localizedDescription
            throw Failure(message: "'\(program) probe' does not answer: \(reason)", hint: hint)
        }
    }
}
