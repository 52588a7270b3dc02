import Foundation
import JobStore
import Jobs
import Logging
import Planner
import Rendering
import ServiceLifecycle
public import Settings
import Spool
public import SystemPackage
import Systemd
import UnixSignals
import Varlink

/// The version of latentd, as `--version`, pictures, records and the control socket say it.
public enum Version {
    /// The text.
    public static let text = "0.1.0"
}

/// One daemon: assembles its services and runs them until SIGTERM.
///
///     settings ─► folders ─► queue (its lock refuses a second daemon) ─► spool ─► Recovery ─► socket
///       ─► Janitor, Reload, Intake, Control, Readiness (READY=1), Worker, Farewell
///       ─► SIGTERM, or a service that fails ─► the same backwards, within `StopSignal`'s limits
public struct Instance: Sendable {
    private let layout: Layout
    private let configuration: FilePath?
    private let modelDirectories: [FilePath]
    /// For what the start, a reload and the end do with files.
    private let disk = DiskThread(name: "instance")

    /// - Parameters:
    ///   - configuration: a settings file that must exist; the layout's one, which need not, without it.
    ///   - modelDirectories: searched before those of the settings and the layout.
    public init(layout: Layout, configuration: FilePath?, modelDirectories: [FilePath]) {
        self.layout = layout
        self.configuration = configuration
        self.modelDirectories = modelDirectories
    }

    /// Runs until the daemon is asked to stop. Throws when it cannot start, or when a service cannot go on.
    public func run() async throws(DaemonError) {
        do {
            try await serve()
        } catch {
            throw DaemonError(error)
        }
    }

    private func serve() async throws {
        let settings = try await disk.run { try readSettings() }
        let level = SharedLogLevel(settings.loggerLevel)
        let notifier = Notifier(), clock = Clock.system
        LoggingSystem.bootstrap { label in AdjustableLogHandler(JournalLogHandler(identifier: label), level: level) }
        let logger = Logger(label: "latentd")
        let (store, spool) = try await disk.run { try open(settings, logger) }
        let recovery = Recovery(
            store: store, spool: spool, disk: disk, maxCrashes: settings.maxCrashes, clock: clock, logger: logger)
        try await recovery.run()

        let (host, catalog) = try await disk.run {
            (try Renderer.hostProfile(threads: settings.threads), self.catalog(settings))
        }
        let ledger = CostLedger(store: store, host: host, clock: clock)
        let costs = try await ledger.costs(of: catalog.facts)
        let stop = StopSignal(), watchdog = Watchdog(notifier: notifier)
        let (inference, outlook) = try await disk.run {
            let renderer = try Renderer(catalog: catalog, costs: costs, options: options(settings, host, logger))
            let outlook = Outlook(
                planner: renderer.planner, catalog: catalog, defaultBudget: settings.defaultLatencyBudget,
                clock: clock)
            let inference = Inference(
                renderer: renderer, outlook: outlook, watchdog: watchdog, clock: clock, stop: stop)
            return (inference, outlook)
        }
        let live = LiveSettings(settings)
        let board = ProgressBoard()
        store.onChange { changes in for change in changes { board.note(change.id) } }
        let desk = ControlDesk(
            store: store, spool: spool, board: board, outlook: outlook, inference: inference, ledger: ledger,
            host: host, authority: Authority(settings: live, isPrivate: layout.root != nil), clock: clock,
            start: clock.elapsed())
        let control = try await disk.run { try Control(path: layout.controlSocket.string, desk: desk) }
        let worker = Worker(
            store: store, spool: spool, board: board, inference: inference, ledger: ledger, settings: live,
            notifier: notifier, watchdog: watchdog, clock: clock, logger: logger, stop: stop)
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let reload = Reload(signals: hangups, settings: live, notifier: notifier, logger: logger, disk: disk) {
            () throws(SettingsError) in
            try readSettings()
        } apply: { settings in
            level.current = settings.loggerLevel
            outlook.update(defaultBudget: settings.defaultLatencyBudget)
            inference.use(self.catalog(settings), options: options(settings, host, logger))
        }
        let services: [(String, any Service)] = [
            ("janitor", Janitor(store: store, spool: spool, settings: live, clock: clock, logger: logger)),
            ("reload", reload),
            ("intake", Intake(store: store, spool: spool, settings: live, clock: clock, logger: logger)),
            ("control", control), ("readiness", Readiness(notifier: notifier, disk: disk)),
            ("worker", worker), ("farewell", Farewell(stop: stop, notifier: notifier)),
        ]
        announce(host, catalog, logger)
        // The first timer of a process takes descriptors, and a process that has none left then dies. So take them now.
        try await Task.sleep(for: .milliseconds(1))
        let failure = FirstFailure()
        let vital = services.map { Vital(name: $0, service: $1, failure: failure, stop: stop, logger: logger) }
        await run(vital, until: stop, logger)
        if !stop.isOverdue { await disk.run { close(store, logger) } }
        logger.notice("Stopped")
        if inference.isBusy || stop.isOverdue {
            // A thread that still computes, or hangs, must not meet the destructors of the libraries that it uses.
            exitAtOnce(failure.cause)
        }
        if let cause = failure.cause { throw cause }
    }

    /// Runs the services until they ended, one after the other from the last to the first; what hangs is not waited for.
    private func run(_ services: [Vital], until stop: StopSignal, _ logger: Logger) async {
        let group = ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        // What the group throws is what one of them threw, which is noted already.
        let end: Void? = await stop.unless(.overdue) { try? await group.run() }
        if end == nil { logger.warning("Stopped without waiting for what hangs") }
    }

    /// Ends the process with nothing left behind but what the next start mends.
    private func exitAtOnce(_ cause: (any Error)?) -> Never {
        guard let cause else { _exit(0) }
        let reason = DaemonError(cause)
        FileHandle.standardError.write(Data("latentd: \(reason.description)\n".utf8))
        _exit(reason.exitCode.rawValue)
    }

    private func announce(_ host: HostProfile, _ catalog: ModelCatalog, _ logger: Logger) {
        for problem in catalog.problems {
            logger.warning(
                "A model folder cannot be used",
                metadata: ["model.path": "\(problem.path)", "error": "\(problem.error)"])
        }
        logger.notice(
            "Started",
            metadata: [
                "latentd.version": "\(Version.text)", "host.cpu": "\(host.cpuModel)", "host.isa": "\(host.isa)",
                "host.blas_core": "\(host.blasCore)", "host.threads": "\(host.threads)", "spool": "\(layout.spool)",
                "models": "\(catalog.facts.map(\.name).joined(separator: ", "))",
            ])
    }

    // MARK: - Parts, which block for the disk

    private func readSettings() throws(SettingsError) -> Settings {
        try Settings.load(layout: layout, configuration: configuration)
    }

    private func open(_ settings: Settings, _ logger: Logger) throws -> (JobStore, Spool) {
        try InstanceFolders(layout: layout).claim()
        let store = try JobStore.open(path: layout.queueDatabase.string)
        let spool = try Spool(root: layout.spool, maximumFileSize: settings.maxJobFileSize.bytes) { logger.note($0) }
        return (store, spool)
    }

    private func catalog(_ settings: Settings) -> ModelCatalog {
        let directories = modelDirectories + settings.modelDirectories + layout.models
        return ModelCatalog(directories: directories.map(\.string))
    }

    private func options(_ settings: Settings, _ host: HostProfile, _ logger: Logger) -> Renderer.Options {
        Renderer.Options(
            threads: settings.threads,
            memoryLimit: { [limit = settings.memoryLimit] in
                let host = HostProbe().refreshed(host)
                return limit.bytes(of: host.grantedMemoryBytes) ?? host.defaultMemoryLimitBytes
            },
            cacheDirectory: layout.cache.string, version: Version.text,
            report: { sentence in
                logger.warning(
                    "The cache of prepared weights is not as it should be", metadata: ["error": "\(sentence)"])
            })
    }

    /// Leaves one file instead of three. That this fails loses nothing.
    private func close(_ store: JobStore, _ logger: Logger) {
        do {
            try store.close()
        } catch {
            logger.warning("The queue could not be closed", metadata: ["error": "\(error.description)"])
        }
    }
}

/// The folders of an instance, made and closed to others before anything in them is believed.
///
/// What an earlier release left open is closed: `state` and `cache` are for the daemon's user alone, since whoever can open the files in
/// them can lock them. Below the root of a private instance nothing is a link, and its socket is for its user alone too.
private struct InstanceFolders {
    let layout: Layout

    /// Throws when others own one of the folders, or may change what is in it.
    func claim() throws(SpoolError) {
        let closed = [layout.state, layout.cache]
        if let root = layout.root {
            try FolderTrust.check(wayTo: root)
            try FolderTrust.make(root)
            try FolderTrust.claim(layout.spool, permissions: 0o755, isShared: true)
            for folder in closed + [layout.runtime] { try FolderTrust.claim(folder, permissions: 0o700) }
        } else {
            for folder in closed + [layout.spool, layout.runtime] {
                try FolderTrust.check(wayTo: folder)
                try FolderTrust.make(folder)
            }
            // The operator may have put a link there; it was checked.
            for folder in closed { try FolderTrust.claim(resolved(folder), permissions: 0o700) }
        }
    }

    private func resolved(_ folder: FilePath) -> FilePath {
        guard let text = realpath(folder.string, nil) else { return folder }
        defer { free(text) }
        return FilePath(platformString: text)
    }
}

extension Logger {
    /// Says what the spool coped with.
    func note(_ notice: SpoolNotice) {
        switch notice {
        case .remade(let path):
            warning("A folder of the spool was gone and was made again", metadata: ["path": "\(path)"])
        case .watchWaits(let error):
            warning("The watch of incoming/ waits", metadata: ["error": "\(error)"])
        }
    }
}

extension Settings {
    /// The level as swift-log has it; the names are the same.
    fileprivate var loggerLevel: Logger.Level { Logger.Level(rawValue: logLevel.rawValue) ?? .info }
}
