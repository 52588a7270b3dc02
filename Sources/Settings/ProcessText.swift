import Foundation
import Jobs

/// What this process was started with, as bytes: Swift repairs arguments and variables that are not UTF-8 without a word.
public struct ProcessText: Sendable {
    /// The command line, the program's name first.
    let arguments: [[UInt8]]
    /// `NAME=VALUE` each.
    let environment: [[UInt8]]

    /// The text of a process that was started with these.
    public init(arguments: [[UInt8]], environment: [[UInt8]]) {
        self.arguments = arguments
        self.environment = environment
    }

    /// Something that is not text.
    public struct Problem: Equatable, Sendable {
        /// A sentence that names the argument or the variable.
        public let description: String
        /// The code to end with.
        public let exitCode: ExitCode

        /// A problem that is said so, and ends so.
        public init(description: String, exitCode: ExitCode) {
            self.description = description
            self.exitCode = exitCode
        }
    }

    /// The text of this process.
    public static var current: ProcessText {
        let arguments = (0..<Int(CommandLine.argc)).map { index in
            CommandLine.unsafeArgv[index].map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
        }
        let environment = (try? FileHandle(forReadingAtPath: "/proc/self/environ")?.readToEnd()) ?? Data()
        return ProcessText(arguments: arguments, environment: environment.split(separator: 0).map { Array($0) })
    }

    /// The first argument, or variable that latentd reads, that is not UTF-8.
    public var problem: Problem? {
        for (number, argument) in arguments.enumerated() {
            guard let offset = UTF8Validity.firstInvalidOffset(in: argument) else { continue }
            let option = number > 1 ? String(validating: arguments[number - 1], as: UTF8.self) ?? "" : ""
            let place = option.hasPrefix("--") ? " (after \(option))" : ""
            return Problem(
                description: "argument \(number)\(place) is not UTF-8: see its byte \(offset)", exitCode: .usage)
        }
        for variable in environment {
            let name = String(decoding: variable.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            guard name.hasPrefix("LATENTD_") || Layout.variables.contains(name) else { continue }
            guard let offset = UTF8Validity.firstInvalidOffset(in: variable) else { continue }
            return Problem(
                description: "the environment variable \(name) is not UTF-8: see byte \(offset - name.utf8.count - 1)",
                exitCode: .configuration)
        }
        return nil
    }
}

/// The exit codes of `latentd` and `latentctl`, as sysexits.h names them.
public enum ExitCode: Int32, Sendable, Equatable {
    /// It worked.
    case ok = 0
    /// The command line is wrong.
    case usage = 64
    /// The job, the picture or the model is wrong.
    case data = 65
    /// A file that was named is not there or cannot be read.
    case noInput = 66
    /// No daemon answers, or it cannot do this now.
    case unavailable = 69
    /// The work failed.
    case software = 70
    /// The output cannot be made.
    case cannotCreate = 73
    /// Reading or writing failed.
    case input = 74
    /// It may work later.
    case temporary = 75
    /// It is not allowed.
    case notPermitted = 77
    /// The settings or the installation are wrong.
    case configuration = 78
}
