public import SystemPackage

/// Why the settings cannot be used. Every case names what the operator has to change.
public enum SettingsError: Error, Equatable {
    case unreadableFile(FilePath, reason: String)
    case malformedFile(FilePath, line: Int?, reason: String)
    case unknownKey(String, FilePath, line: Int?)
    case badValue(SettingKey, value: String, SettingOrigin)
}

/// Where a setting's value was found.
public enum SettingOrigin: Sendable, Equatable {
    case commandLine
    case environment
    case file(FilePath, line: Int?)
    case defaults
}

extension SettingsError: CustomStringConvertible {
    /// One sentence that an operator can act on.
    public var description: String {
        switch self {
        case .unreadableFile(let path, let reason):
            "\(path): cannot be read: \(reason)"
        case .malformedFile(let path, let line, let reason):
            "\(place(path, line)): \(reason)"
        case .unknownKey(let key, let path, let line):
            "\(place(path, line)): unknown key '\(key)'; known are "
                + SettingKey.allCases.map(\.rawValue).joined(separator: ", ")
        case .badValue(let key, let value, let origin):
            "\(text(origin, key)): '\(key.rawValue)' is '\(value)' but must be \(key.expectation)"
        }
    }

    /// Settings do not mend themselves.
    public var isTransient: Bool { false }

    private func place(_ path: FilePath, _ line: Int?) -> String {
        line.map { "\(path), line \($0)" } ?? "\(path)"
    }

    private func text(_ origin: SettingOrigin, _ key: SettingKey) -> String {
        switch origin {
        case .commandLine: "command line"
        case .environment: "environment variable \(key.environmentName)"
        case .file(let path, let line): place(path, line)
        case .defaults: "defaults"
        }
    }
}
