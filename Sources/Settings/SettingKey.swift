/// The keys of the settings file, and what an operator needs to know to set one.
///
/// `etc/latentd.yaml` repeats all of this for the reader of the file; a test holds the two together.
public enum SettingKey: String, Sendable, CaseIterable {
    case maxCrashes = "max_crashes"
    case threads
    case memoryLimit = "memory_limit"
    case logLevel = "log_level"
    case maxJobFileSize = "max_job_file_size"
    case unknownFileDelay = "unknown_file_delay"
    case freeSpaceReserve = "free_space_reserve"
    case defaultLatencyBudget = "default_latency_budget"
    case modelDirectories = "model_directories"
    case keepFinished = "keep_finished"
    case keepFailed = "keep_failed"
    case adminGroup = "admin_group"

    /// The environment variable that overrides the file: `LATENTD_MAX_CRASHES`.
    public var environmentName: String { "LATENTD_" + rawValue.uppercased() }

    /// The default, as it would be written in the file.
    public var defaultText: String {
        switch self {
        case .maxCrashes: "3"
        case .threads: "0"
        case .memoryLimit: "auto"
        case .logLevel: "info"
        case .maxJobFileSize: "4MiB"
        case .unknownFileDelay: "60s"
        case .freeSpaceReserve: "64MiB"
        case .defaultLatencyBudget: "none"
        case .modelDirectories: "[]"
        case .keepFinished: "720h"
        case .keepFailed: "forever"
        case .adminGroup: "latentd-admin"
        }
    }

    /// The type and the range, as the end of the sentence "must be ...".
    public var expectation: String {
        switch self {
        case .maxCrashes: "a whole number from 1 to 1000000"
        case .threads: "a whole number from 0 to 1024"
        case .memoryLimit: "auto, a size (512MiB, 1.5GiB) or a percentage above 0% and up to 100%"
        case .logLevel: "one of " + LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
        case .maxJobFileSize: "a size from 1KiB to 1GiB"
        case .unknownFileDelay: "never, or a duration (30s, 10m) from 0s to 168h"
        case .freeSpaceReserve: "a size from 0B to 1TiB"
        case .defaultLatencyBudget: "none, or a duration (500ms, 20s, 1m30s) from 1ms to 168h"
        case .modelDirectories: "a list of absolute paths"
        case .keepFinished, .keepFailed: "forever, or a duration (12h, 720h) from 1h to 87600h"
        case .adminGroup: "none, or the name of a group (1 to 32 letters, digits, dots, hyphens and underscores)"
        }
    }
}

/// The least important message that is logged. The names are swift-log's.
public enum LogLevel: String, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
}
