import Foundation
import Jobs

/// What this process was started with, as bytes: Swift repairs arguments and variables that are not UTF-8 without a word.
public struct ProcessText: Sendable {
    /// The command line, the program's name first.
    let arguments: [[UInt8]]
    /// `NAME=VALUE` each.
    let environment: [[UInt8]]

    /// Names both.
    public init(arguments: [[UInt8]], environment: [[UInt8]]) {
        self.arguments = arguments
        self.environment = environment
    }

    /// Something that is not text.
    public struct Problem: Equatable, Sendable {
        /// A sentence that names the argument or the variable.
        public let description: String
        /// The code of sysexits.h to end with.
        public let exitCode: Int32

        /// Names both.
        public init(description: String, exitCode: Int32) {
            self.description = description
            self.exitCode = exitCode
        }
    }

    /// Ours.
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
                description: "argument \(number)\(place) is not UTF-8: see its byte \(offset)", exitCode: 64)
        }
        for variable in environment {
            let name = String(decoding: variable.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            guard name.hasPrefix("LATENTD_") || Layout.variables.contains(name) else { continue }
            guard let offset = UTF8Validity.firstInvalidOffset(in: variable) else { continue }
            return Problem(
                description: "the environment variable \(name) is not UTF-8: see byte \(offset - name.utf8.count - 1)",
                exitCode: 78)
        }
        return nil
    }
}
