import Foundation
import Jobs
public import SystemPackage

/// Everything that an operator may choose, checked. ``SettingKey`` has each key's type and range as text.
public struct Settings: Sendable, Equatable {
    /// How often the daemon may die under one job before the job is failed. 1 to 1,000,000; default 3.
    public var maxCrashes = 3
    /// Threads that compute; 0 takes one for each CPU that this process may use. 0 to 1,024; default 0.
    public var threads = 0
    /// How much memory the daemon may take for a job. Default: what the control group grants, else 60 % of the memory.
    public var memoryLimit = MemoryLimit.automatic
    /// The least important message that is logged. Default info.
    public var logLevel = LogLevel.info
    /// A larger file in `incoming/` is refused unread. 1 KiB to 1 GiB; default 4 MiB.
    public var maxJobFileSize = ByteCount(4 << 20)
    /// How long a file that is no job by its name, or a folder, lies still in `incoming/` before `failed/` tells of it. 0 to 7 days, `nil`
    /// for never; default 60 s.
    public var unknownFileDelay: Duration? = .seconds(60)
    /// No job starts while the spool's filesystem has less free space than this. 0 to 1 TiB; default 64 MiB.
    public var freeSpaceReserve = ByteCount(64 << 20)
    /// The budget of a job that names none; without one such a job gets its model's best quality. 1 ms to 7 days; default none.
    public var defaultLatencyBudget: Duration?
    /// Further directories of model folders, searched before those of the ``Layout``. Absolute paths; default none.
    public var modelDirectories: [FilePath] = []
    /// How long the database remembers a finished job (its id stays taken so long); pictures are never deleted.
    /// 1 hour to 10 years, `nil` for ever; default 30 days.
    public var keepFinished: Duration? = .seconds(720 * 3600)

    /// How long files stay in `failed/`. They hold what people handed in, so that by default latentd never removes any.
    /// 1 hour to 10 years, `nil` for ever; default for ever.
    public var keepFailed: Duration?
    /// The group whose members may pause the queue, calibrate, and cancel or retry others' jobs; `nil` for none. A group that does not
    /// exist has no members. Default latentd-admin.
    public var adminGroup: String? = "latentd-admin"

    /// The defaults.
    public init() {}
}

extension Settings {
    /// Reads and checks the settings of an instance.
    ///
    /// - Parameters:
    ///   - layout: names the file that is read when `configuration` is nil; that one may be missing.
    ///   - configuration: the file that the operator named, which must exist.
    ///   - environment: `LATENTD_*` variables override the file. Other variables are not looked at, and neither are
    ///     `LATENTD_*` ones that are no setting (`LATENTD_ISA`).
    ///   - overrides: what the command line says.
    public static func load(
        layout: Layout,
        configuration: FilePath? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        overrides: [SettingKey: String] = [:]
    ) throws(SettingsError) -> Settings {
        let file = try SettingsFile(path: configuration ?? layout.configuration, mayBeMissing: configuration == nil)
        return try Settings(SettingsReader(file: file, environment: environment, overrides: overrides))
    }

    private init(_ reader: SettingsReader) throws(SettingsError) {
        maxCrashes = try reader.value(.maxCrashes) { Int($0).flatMap(within(1...1_000_000)) }
        threads = try reader.value(.threads) { Int($0).flatMap(within(0...1024)) }
        memoryLimit = try reader.value(.memoryLimit) { MemoryLimit($0) }
        logLevel = try reader.value(.logLevel) { LogLevel(rawValue: $0) }
        maxJobFileSize = try reader.value(.maxJobFileSize) {
            ByteCount($0).flatMap(within(ByteCount(1 << 10)...ByteCount(1 << 30)))
        }
        unknownFileDelay = try reader.value(.unknownFileDelay) {
            optional($0, none: "never", within: .zero ... .seconds(168 * 3600))
        }
        freeSpaceReserve = try reader.value(.freeSpaceReserve) {
            ByteCount($0).flatMap(within(ByteCount(0)...ByteCount(1 << 40)))
        }
        defaultLatencyBudget = try reader.value(.defaultLatencyBudget) {
            optional($0, none: "none", within: .milliseconds(1) ... .seconds(168 * 3600))
        }
        modelDirectories = try reader.list(.modelDirectories) { path in
            path.hasPrefix("/") ? FilePath(path) : nil
        }
        keepFinished = try reader.value(.keepFinished) {
            optional($0, none: "forever", within: .seconds(3600) ... .seconds(87600 * 3600))
        }
        keepFailed = try reader.value(.keepFailed) {
            optional($0, none: "forever", within: .seconds(3600) ... .seconds(87600 * 3600))
        }
        adminGroup = try reader.value(.adminGroup) { $0 == "none" ? .some(nil) : isGroupName($0) ? .some($0) : nil }
    }
}

/// Passes a value on when it lies in `range`.
private func within<Value: Comparable>(_ range: ClosedRange<Value>) -> (Value) -> Value? {
    { range.contains($0) ? $0 : nil }
}

/// As useradd(8) has it, but for capitals and dots, which other sources of groups allow.
private func isGroupName(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count) && !text.hasPrefix("-")
        && text.utf8.allSatisfy { byte in
            let character = Character(Unicode.Scalar(byte))
            return byte < 0x80 && (character.isLetter || character.isNumber || "._-".contains(character))
        }
}

/// A duration in `range`, or the word that stands for none; the outer optional is nil when the text is neither.
private func optional(_ text: String, none word: String, within range: ClosedRange<Duration>) -> Duration?? {
    if text == word { return .some(nil) }
    return DurationText.duration(text).flatMap(within(range)).map { .some($0) }
}
