import Glibc
import SystemPackage

/// A descriptor of inotify(7) on one folder, closed with the value's last copy.
final class Inotify: Sendable {
    /// What happened in the folder.
    enum Event {
        /// A writer closed the file, or it was renamed into the folder.
        case whole(FilePath.Component)
        /// Something has a name that it did not have before, and may be no file, or be written still.
        case created(FilePath.Component)
        /// The kernel dropped events.
        case overflow
        /// The folder itself went away.
        case lost
    }

    private let descriptor: CInt
    private let folder: FilePath

    init(folder: FilePath) throws(SpoolError) {
        self.folder = folder
        descriptor = inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK))
        guard descriptor >= 0 else { throw Files.failure("watch", folder) }
        let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
        guard folder.withPlatformString({ inotify_add_watch(descriptor, $0, mask) }) >= 0 else {
            throw Files.failure("watch", folder)
        }
    }

    deinit { close(descriptor) }

    /// Blocks until there are events, `deadline` has come or `alarm` rings, which it silences.
    func wait(until deadline: ContinuousClock.Instant, or alarm: Alarm) throws(SpoolError) {
        let left = max(.zero, deadline - ContinuousClock.now)
        let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
        var descriptors = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: alarm.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&descriptors, nfds_t(descriptors.count), CInt(clamping: milliseconds)) >= 0 || errno == EINTR else {
            throw Files.failure("watch", folder)
        }
        alarm.silence()
    }

    /// The events that have come, as many as fit into a buffer; none is no error.
    func events() throws(SpoolError) -> [Event] {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else {
            if errno == EAGAIN || errno == EINTR { return [] }
            throw Files.failure("watch", folder)
        }
        return buffer[..<count].withUnsafeBytes { bytes in
            var events: [Event] = []
            var offset = 0
            while offset < bytes.count {
                let header = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                offset += MemoryLayout<inotify_event>.size
                let name = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + Int(header.len))])
                offset += Int(header.len)
                if let event = Self.event(header.mask, name) { events.append(event) }
            }
            return events
        }
    }

    private static func event(_ mask: UInt32, _ name: UnsafeRawBufferPointer) -> Event? {
        if mask & UInt32(IN_Q_OVERFLOW) != 0 { return .overflow }
        if mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT) != 0 { return .lost }
        let bytes = name.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
        guard let component = FilePath.Component(platformString: bytes) else { return nil }
        return mask & UInt32(IN_CREATE) != 0 ? .created(component) : .whole(component)
    }
}

/// A pipe that wakes a thread that waits in poll(2).
final class Alarm: Sendable {
    /// Becomes readable when the alarm rings.
    let descriptor: CInt
    private let ringer: CInt

    init(for folder: FilePath) throws(SpoolError) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Files.failure("watch", folder) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) | fcntl(end, F_SETFL, O_NONBLOCK) }
        (descriptor, ringer) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(ringer)
    }

    /// Takes back the ringing so far.
    func silence() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while Glibc.read(descriptor, &bytes, bytes.count) > 0 {}
    }

    /// Wakes the thread; ringing twice is as good.
    func ring() {
        var byte: UInt8 = 1
        // A pipe that is full has been rung already.
        _ = write(ringer, &byte, 1)
    }
}
