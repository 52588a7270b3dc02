import Glibc

/// What the kernel says about this process's memory.
enum ProcessMemory {
    /// All memory that is resident now, mapped files counted, in bytes; nil without `/proc`.
    static var residentBytes: Int? { kibibytes("VmRSS").map { $0 * 1024 } }

    /// The highest resident memory since the start, or since `resetPeak`; mapped files count.
    static var peakBytes: Int? { kibibytes("VmHWM").map { $0 * 1024 } }

    /// Lets `peakBytes` begin anew. False where the kernel does not allow it: the peak stays that of the process's life.
    static func resetPeak() -> Bool {
        guard let file = fopen("/proc/self/clear_refs", "we") else { return false }
        let isWritten = fputs("5", file) >= 0
        return fclose(file) == 0 && isWritten
    }

    /// Has glibc give large blocks back as soon as they are freed. By itself it learns to keep as much as a picture once took, at the end of
    /// a thread's heap, where nothing takes it away.
    static func returnWhatIsFreed() {
        guard let symbol = dlsym(nil, "mallopt") else { return }
        let mallopt = unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
        let (trimThreshold, mapThreshold) = (Int32(-1), Int32(-3))
        for parameter in [trimThreshold, mapThreshold] { _ = mallopt(parameter, 1 << 18) }
    }

    private static func kibibytes(_ name: String) -> Int? {
        guard let file = fopen("/proc/self/status", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let parts = text.split(whereSeparator: { $0.isWhitespace || $0 == ":" })
            if parts.first.map(String.init) == name, parts.count > 1 { return Int(parts[1]) }
        }
        return nil
    }
}
