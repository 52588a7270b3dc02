import Foundation
import Glibc
import SystemPackage
import Testing
import Varlink

/// Prepared weights that another process seems to be making, so that whoever needs them waits on the inference thread: a computation that
/// takes as long as a test wants.
final class HeldWeights: Sendable {
    private let descriptors: [Int32]
    private let events: Int32

    /// The names of the files at the precision that a measurement begins with, the same in every cache.
    private static let files = Task {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        try await daemon.watch(daemon.submit(quickJob("a", #","precision":"fp32""#)))
        await daemon.stop()
        return root.names("cache/prepared").filter { $0.hasSuffix(".safetensors") }
    }

    /// Holds the weights of the model sd1 in the cache of `root`, whose daemon does not run yet.
    init(in root: Root) async throws {
        let folder = root.path + "/cache/prepared"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        descriptors = try await Self.files.value.map { file in
            let descriptor = open("\(folder)/\(file).tmp", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw Errno(rawValue: errno) }
            return descriptor
        }
        try #require(!descriptors.isEmpty)
        events = inotify_init1(Int32(IN_CLOEXEC))
        guard inotify_add_watch(events, folder, UInt32(IN_OPEN)) >= 0 else { throw Errno(rawValue: errno) }
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
        close(events)
    }

    /// Returns when somebody has tried to get them.
    func waitForSomebody() async {
        let events = events
        await onThread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            _ = read(events, &buffer, buffer.count)
        }
    }

    /// Lets the waiting have them.
    func release() { for descriptor in descriptors { flock(descriptor, LOCK_UN) } }
}
