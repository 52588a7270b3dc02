import Glibc

/// Where the mapped weights of a component lie, by their names. They may leave this process's memory at any time, and come back from
/// the page cache or the disk when they are read.
public struct WeightMap: Sendable {
    private struct Entry {
        let name: Substring
        let file: MappedFile
        let range: Range<Int>
        let isLookedUp: Bool
    }

    private var entries: [Entry] = []
    /// The files of the entries, each once.
    private var files: [MappedFile] = []

    /// No weights.
    init() {}

    /// Adds the bytes of a tensor.
    ///
    /// - Parameter isLookedUp: only single rows of it are read.
    mutating func add(_ name: String, _ bytes: UnsafeRawBufferPointer, in file: MappedFile, isLookedUp: Bool = false) {
        guard let start = bytes.baseAddress.map({ $0 - file.start }) else { return }
        if !files.contains(where: { $0 === file }) { files.append(file) }
        entries.append(
            Entry(name: name[...], file: file, range: start..<start + bytes.count, isLookedUp: isLookedUp))
    }

    /// The same weights without a prefix of their names; those that do not have it keep their names.
    func rooted(at prefix: String) -> WeightMap {
        var map = self
        map.entries = entries.map {
            let name = $0.name.hasPrefix(prefix) ? $0.name.dropFirst(prefix.count) : $0.name
            return Entry(name: name, file: $0.file, range: $0.range, isLookedUp: $0.isLookedUp)
        }
        return map
    }

    /// The weights of the block at `path`, with all below it; "" is all of them.
    public func region(under path: String) -> WeightRegion {
        let prefix = "\(path)."
        return region { path.isEmpty || $0.hasPrefix(prefix) }
    }

    /// The weights that belong to none of the blocks at `paths`.
    public func region(outside paths: [String]) -> WeightRegion {
        region { name in !paths.contains { name.hasPrefix("\($0).") } }
    }

    /// The most bytes that the weights under `path` take in memory.
    public func mappedBytes(under path: String) -> Int { region(under: path).byteCount }

    /// Lets the weights under `path` go.
    public func discard(under path: String) { region(under: path).discard() }

    /// Lets all files go that weights lie in.
    public func discardFiles() {
        for file in files { file.release(file.bytes) }
    }

    /// A file that was written in place since it was mapped.
    public var changedFile: String? { files.first { $0.hasChanged }?.path }

    /// Asks for the weights under `path`, which are read soon.
    public func willNeed(under path: String) { region(under: path).willNeed() }

    /// One weight; nothing where there is none of this name.
    func region(of name: String) -> WeightRegion {
        // From the end: it is asked for as soon as it was added.
        WeightRegion(entries.last { $0.name == name }.map { [($0.file, $0.range, $0.isLookedUp)] } ?? [])
    }

    private func region(_ isPart: (Substring) -> Bool) -> WeightRegion {
        WeightRegion(entries.filter { isPart($0.name) }.map { ($0.file, $0.range, $0.isLookedUp) })
    }
}

/// Weights in mapped files, as the windows of memory in which the kernel brings them in.
public struct WeightRegion: Sendable {
    /// Windows of one file, ascending and apart.
    private var parts: [(file: MappedFile, range: Range<Int>)] = []
    /// Windows of tables, of which single rows are read. Their memory is not counted, but is let go with the rest.
    private var tables: [(file: MappedFile, range: Range<Int>)] = []

    init(_ pieces: [(file: MappedFile, range: Range<Int>, isLookedUp: Bool)]) {
        tables = pieces.filter(\.isLookedUp).map { ($0.file, $0.file.windows(of: $0.range)) }
        let windows = pieces.filter { !$0.isLookedUp }.map { ($0.file, $0.file.windows(of: $0.range)) }
        let ordered = windows.sorted { ($0.0.start, $0.1.lowerBound) < ($1.0.start, $1.1.lowerBound) }
        for (file, range) in ordered {
            if let last = parts.last, last.file === file, range.lowerBound <= last.range.upperBound {
                let end = max(last.range.upperBound, range.upperBound)
                parts[parts.count - 1].range = last.range.lowerBound..<end
            } else {
                parts.append((file, range))
            }
        }
    }

    /// The most that the weights take in memory.
    public var byteCount: Int { parts.reduce(0) { $0 + $1.range.count } }

    /// Lets the weights go: they count no longer as this process's memory, and are read again when they are needed.
    public func discard() { for part in parts + tables { part.file.advise(part.range, MADV_DONTNEED) } }

    /// Asks the kernel to read the weights into the page cache, and does not wait.
    public func willNeed() { for part in parts { part.file.advise(part.range, MADV_WILLNEED) } }
}
