import Foundation
public import SystemPackage

/// Where one instance of the daemon keeps its files. Building a layout touches no file.
public struct Layout: Sendable, Equatable {
    /// Holds `incoming`, `images`, `work`, `done` and `failed`.
    public var spool: FilePath
    /// Survives a restart: the queue's database, and models that the operator adds.
    public var state: FilePath
    /// May be deleted while the daemon is stopped: prepared weights.
    public var cache: FilePath
    /// Gone after a reboot: the control socket.
    public var runtime: FilePath
    /// The YAML file of settings. It need not exist.
    public var configuration: FilePath
    /// Directories of model folders, searched in this order; the first folder of a name wins. They need not exist.
    public var models: [FilePath]
    /// The directory of a private instance, which is its user's alone; nil for the system's instance.
    public let root: FilePath?

    /// Where the daemon listens for `latentctl`.
    public var controlSocket: FilePath { runtime.appending("control.sock") }

    /// The authority on the state of every job.
    public var queueDatabase: FilePath { state.appending("queue.db") }

    /// The system's instance, with the directories that systemd announces to this process.
    public static let system = Layout(environment: ProcessInfo.processInfo.environment)

    /// A private instance with everything under `root`.
    public init(root: FilePath) {
        self.root = root
        spool = root.appending("spool")
        state = root.appending("state")
        cache = root.appending("cache")
        runtime = root.appending("run")
        configuration = root.appending("etc").appending("latentd.yaml")
        models = [state.appending("models"), Self.installedModels]
    }

    /// The variables in which systemd announces directories.
    static let variables = ["STATE_DIRECTORY", "CACHE_DIRECTORY", "RUNTIME_DIRECTORY", "CONFIGURATION_DIRECTORY"]

    /// The system's instance: the FHS paths, unless systemd names others in `STATE_DIRECTORY` and its siblings.
    ///
    /// Of several directories in one variable, the first counts, as in the unit.
    public init(environment: [String: String]) {
        func directory(_ variable: String, _ standard: FilePath) -> FilePath {
            guard let first = environment[variable]?.split(separator: ":").first else { return standard }
            return FilePath(String(first))
        }
        root = nil
        spool = "/var/spool/latentd"
        state = directory("STATE_DIRECTORY", "/var/lib/latentd")
        cache = directory("CACHE_DIRECTORY", "/var/cache/latentd")
        runtime = directory("RUNTIME_DIRECTORY", "/run/latentd")
        configuration = directory("CONFIGURATION_DIRECTORY", "/etc/latentd").appending("latentd.yaml")
        models = [state.appending("models"), Self.installedModels]
    }

    /// The users whose daemon a client may talk to: root, itself, and, of the system's instance, whom the folder of its socket belongs
    /// to, which only root can have made.
    public var trustedServers: Set<UInt32> {
        var status = stat()
        guard root == nil, lstat(runtime.string, &status) == 0 else { return [0, geteuid()] }
        return [0, geteuid(), status.st_uid]
    }

    /// `share/latentd/models` beside the `bin` that this executable was installed to, or else the one below `/usr`.
    private static var installedModels: FilePath {
        let executable = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return installedModels(executable: FilePath(executable ?? "/usr/bin/latentd"))
    }

    /// The models that were installed together with `executable`.
    public static func installedModels(executable: FilePath) -> FilePath {
        let directory = executable.removingLastComponent()
        let prefix = directory.lastComponent == "bin" ? directory.removingLastComponent() : "/usr"
        return prefix.appending("share/latentd/models")
    }
}
