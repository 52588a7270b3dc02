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
    /// The group whose members may pause the queue, calibrate, and cancel or retry others' jobs; `nil` for none, and as good as none
    /// where the group does not exist. Default latentd-admin.
    public var adminGroup: String? = "latentd-admin"

    /// The defaults.
    public init() {}
}
