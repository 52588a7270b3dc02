// A file of prepared weights, one component of one model at one precision:
//
//   <cache>/prepared/<model>.<component>.<precision>.<key>.safetensors
//
//   a safetensors file whose data begins at a multiple of 64:
//     "NAME: LAYOUT"   U8 [bytes]     the weight as kernels read it, padded to a multiple of 64; LAYOUT is its tag
//     …
//     "checksums"      U64 [n + 2]    of everything before the data, of each weight in its order, of this list up to here
//   __metadata__: "format", "version", what it was made of: "source", "files", "rules"; and "numbers": "finite", which
//                 files of versions that did not check the numbers lack

import Compute

/// Prepared weights of one component, mapped: pages of the page cache that every process shares, no private memory.
///
/// A file is trusted only after all of it was checked. At every open: the header's numbers as in every safetensors file, what it says
/// it was made of, and the checksums of the header and of the list of checksums. Once a boot of the host, and whenever the file is not
/// the one that was checked (see `CheckMark`): the checksums of the weights, some tenths of a second for a gigabyte in the page cache.
/// The bytes leave this process's memory as they were checked, so that opening a file takes none.
final class PreparedFile: Sendable {
    static let format = "latentd prepared weights"
    /// Raised whenever a layout's bytes, or what the metadata says, come to mean something else.
    static let version = "3"
    static let checksums = "checksums"

    /// What the metadata says where the source's numbers were checked before they were laid out.
    static let finite = (key: "numbers", value: "finite")

    private let contents: Safetensors
    /// Whether the weights' checksums were computed now, since no mark said that they had been.
    private let wasChecked: Bool

    /// Whether the source has to be checked for numbers that are not finite, since the version that made this file did not do it. Asked
    /// for only where this file itself had to be checked.
    var isUnsureOfSource: Bool {
        wasChecked && contents.metadata[PreparedFile.finite.key] != PreparedFile.finite.value
    }

    /// The mapped file.
    var file: MappedFile { contents.file }

    /// Maps and checks the file at `path`.
    ///
    /// - Parameters:
    ///   - identity: what its metadata must say.
    ///   - stop: hears of every weight whose checksum was found, and ends that work.
    init(_ path: String, identity: [String: String], pool: ThreadPool?, stop: StopFlag? = nil) throws(ModelError) {
        let contents = try Safetensors(file: path)
        for (key, expected) in identity.sorted(by: { $0.key < $1.key }) {
            guard let found = contents.metadata[key] else {
                throw .malformed(file: path, reason: "its metadata lacks '\(key)'")
            }
            guard found == expected else {
                throw .malformed(file: path, reason: "its '\(key)' is '\(found)', not '\(expected)'")
            }
        }
        wasChecked = try PreparedFile.requireChecksums(contents, pool, stop)
        self.contents = contents
        contents.file.release(contents.file.bytes)
    }

    /// The memory of a weight; nil where it is not in the file in that layout and size.
    func memory(_ name: String, tag: String, byteCount: Int) -> WeightMemory? {
        guard let entry = contents.entries["\(name): \(tag)"], entry.range.count == byteCount else { return nil }
        return WeightMemory(mapped: entry.bytes, owner: contents.file)
    }

    /// Returns whether the weights' checksums had to be computed, too.
    private static func requireChecksums(
        _ contents: Safetensors, _ pool: ThreadPool?, _ stop: StopFlag?
    ) throws(ModelError) -> Bool {
        let path = contents.file.path
        guard let list = contents.entries[PreparedFile.checksums], list.format == .u64, list.shape.count == 1 else {
            throw .malformed(file: path, reason: "it has no checksums")
        }
        let weights = contents.entries.filter { $0.key != PreparedFile.checksums }.map(\.value.range)
            .sorted { $0.lowerBound < $1.lowerBound }
        guard list.count == weights.count + 2, weights.allSatisfy({ $0.upperBound <= list.range.lowerBound }) else {
            throw .malformed(file: path, reason: "its checksums are not those of its weights")
        }
        for range in weights
        where range.lowerBound % WeightMemory.alignment != 0 || range.count % WeightMemory.alignment != 0 {
            throw .malformed(file: path, reason: "a weight is not aligned")
        }
        let header = 0..<(weights.first?.lowerBound ?? list.range.lowerBound)
        let covered = [header] + weights + [list.range.dropLast(8)]
        try require(contents.file, covered, list, [0, covered.count - 1], nil, stop)
        let mark = CheckMark(contents.file)
        if mark.isSet { return false }
        try require(contents.file, covered, list, Array(1..<covered.count - 1), pool, stop)
        if contents.file.hasChanged { throw .changed(file: path) }
        mark.set()
        return true
    }

    /// Holds those of the ranges that `indices` names against their checksums in `list`.
    private static func require(
        _ file: MappedFile, _ covered: [Range<Int>], _ list: TensorEntry, _ indices: [Int], _ pool: ThreadPool?,
        _ stop: StopFlag?
    ) throws(ModelError) {
        let bytes = file.bytes
        let failed = PreparedFile.firstFailure(indices, pool) { index in
            let stored = bytes.loadUnaligned(fromByteOffset: list.range.lowerBound + 8 * index, as: UInt64.self)
            if stop?.isRaised ?? false { return true }
            let sum = Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[covered[index]])) { file.release($0) }
            stop?.progressed()
            return sum == UInt64(littleEndian: stored)
        }
        if stop?.isRaised ?? false { throw .stopped }
        if let failed {
            throw .malformed(file: file.path, reason: "the checksum of its bytes \(covered[failed]) is wrong")
        }
    }

    /// The first of the indices that `isRight` denies, all of them looked at in parallel.
    private static func firstFailure(_ indices: [Int], _ pool: ThreadPool?, _ isRight: (Int) -> Bool) -> Int? {
        guard let pool else { return indices.first { !isRight($0) } }
        return withUnsafeTemporaryAllocation(of: Bool.self, capacity: indices.count) { results in
            guard let results = results.baseAddress else { return nil }
            results.initialize(repeating: true, count: indices.count)
            pool.parallelFor(indices.count) { results[$0] = isRight(indices[$0]) }
            return indices.indices.first { !results[$0] }.map { indices[$0] }
        }
    }
}
