import Models

/// Byte-level byte-pair encoding as CLIP uses it: a word's bytes, the last one marked as the end, are joined pair by pair in
/// the order of `merges.txt`.
struct BytePairEncoder: Sendable {
    private struct Pair: Hashable {
        let left: Int32, right: Int32
    }
    private struct Merge {
        let rank: Int32, token: Int32
    }

    private let merges: [Pair: Merge]
    /// The token of a byte inside a word, and at its end; -1 where the vocabulary has none.
    private let inner: [Int32], final: [Int32]
    private let unknown: Int32

    /// - Parameters:
    ///   - vocabulary: token to id, the tokens in GPT-2's printable spelling of bytes.
    ///   - mergesFile: `merges.txt`: a version line, then two tokens a line, most frequent first.
    ///   - unknown: what stands for a byte that the vocabulary does not have.
    init(vocabulary: [String: Int32], mergesFile: String, unknown: Int32) throws(ModelError) {
        let letters = ByteAlphabet.letters
        inner = letters.map { vocabulary[String($0)] ?? -1 }
        final = letters.map { vocabulary["\($0)</w>"] ?? -1 }
        self.unknown = unknown
        let file = try MappedFile(mergesFile)
        merges = try file.withBytes { bytes throws(ModelError) in
            guard String(validating: bytes, as: UTF8.self) != nil else {
                throw .malformed(file: mergesFile, reason: "it is not UTF-8")
            }
            return try BytePairEncoder.merges(bytes, vocabulary, mergesFile)
        }
    }

    /// A file has some fifty thousand lines: they are cut as bytes, which takes a fraction of the time of characters.
    private static func merges(
        _ bytes: UnsafeRawBufferPointer, _ vocabulary: [String: Int32], _ file: String
    ) throws(ModelError) -> [Pair: Merge] {
        var merges: [Pair: Merge] = [:]
        merges.reserveCapacity(vocabulary.count)
        var rank: Int32 = 0
        func token(_ bytes: some Collection<UInt8>) -> Int32? { vocabulary[String(decoding: bytes, as: UTF8.self)] }
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        {
            if line.isEmpty || line.starts(with: "#version".utf8) { continue }
            let space = line.firstIndex(of: UInt8(ascii: " ")) ?? line.endIndex
            guard let left = token(line[..<space]), let right = token(line[space...].dropFirst()),
                let joined = token(Array(line[..<space]) + line[space...].dropFirst())
            else {
                throw .malformed(
                    file: file, reason: "line \(number + 1) is not two tokens that join to one of vocab.json")
            }
            merges[Pair(left: left, right: right)] = Merge(rank: rank, token: joined)
            rank += 1
        }
        return merges
    }

    /// The tokens of one word.
    func encode(_ word: some Collection<UInt8>) -> [Int32] {
        let last = word.count - 1
        var symbols = Symbols(
            word.enumerated().map { index, byte in
                let token = (index == last ? final : inner)[Int(byte)]
                return token >= 0 ? token : unknown
            })
        guard symbols.tokens.count > 1 else { return symbols.tokens }
        var queue = MergeQueue()
        func consider(_ position: Int, _ symbols: Symbols) {
            guard position >= 0, let next = symbols.after(position) else { return }
            let pair = Pair(left: symbols.tokens[position], right: symbols.tokens[next])
            guard let merge = merges[pair] else { return }
            queue.insert(MergeQueue.Entry(rank: merge.rank, position: Int32(position), token: merge.token))
        }
        for position in 0..<last { consider(position, symbols) }
        while let entry = queue.removeFirst() {
            let position = Int(entry.position)
            // The pair may have been changed since it was queued.
            guard symbols.isAlive(position), let next = symbols.after(position),
                let merge = merges[Pair(left: symbols.tokens[position], right: symbols.tokens[next])],
                merge.token == entry.token
            else { continue }
            symbols.join(position, next, to: entry.token)
            consider(symbols.before(position), symbols)
            consider(position, symbols)
        }
        return symbols.living
    }
}

/// A word's tokens as a linked list over an array.
private struct Symbols {
    var tokens: [Int32]
    private var next: [Int32], previous: [Int32]

    init(_ tokens: [Int32]) {
        self.tokens = tokens
        let count = Int32(tokens.count)
        next = (0..<count).map { $0 + 1 < count ? $0 + 1 : -1 }
        previous = (0..<count).map { $0 - 1 }
    }

    func isAlive(_ position: Int) -> Bool { tokens[position] >= 0 }
    func after(_ position: Int) -> Int? { next[position] >= 0 ? Int(next[position]) : nil }
    func before(_ position: Int) -> Int { Int(previous[position]) }

    mutating func join(_ left: Int, _ right: Int, to token: Int32) {
        tokens[left] = token
        tokens[right] = -1
        next[left] = next[right]
        if let after = after(left) { previous[after] = Int32(left) }
    }

    var living: [Int32] { tokens.filter { $0 >= 0 } }
}

/// The merges that are possible, the earliest rank first, then the leftmost: a binary heap.
private struct MergeQueue {
    struct Entry {
        let rank: Int32, position: Int32, token: Int32

        func isBefore(_ other: Entry) -> Bool { (rank, position) < (other.rank, other.position) }
    }

    private var heap: [Entry] = []

    mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> Entry? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least])
            {
                least = child
            }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// GPT-2's spelling of the 256 bytes as printable characters, so that a vocabulary is a text file.
enum ByteAlphabet {
    /// The character of each byte: itself where it is printable Latin-1, else the next free one from U+0100.
    static let letters: [Character] = {
        var free: UInt32 = 0x100
        return (0..<256).map { (byte: UInt32) in
            let isPrintable =
                (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
            var code = byte
            if !isPrintable {
                code = free
                free += 1
            }
            return Unicode.Scalar(code).map(Character.init) ?? "\u{FFFD}"
        }
    }()
}
