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

    /// The pairs that are joined, by rank; built pair after pair.
    private struct MergeTable {
        let vocabulary: [String: Int32]
        private(set) var merges: [Pair: Merge] = [:]
        private var rank: Int32 = 0

        init(_ vocabulary: [String: Int32]) {
            self.vocabulary = vocabulary
            merges.reserveCapacity(vocabulary.count)
        }

        /// Adds the next pair; false where it is not two tokens that join to one of the vocabulary.
        mutating func add(_ left: String, _ right: String) -> Bool {
            guard let first = vocabulary[left], let second = vocabulary[right], let joined = vocabulary[left + right]
            else { return false }
            merges[Pair(left: first, right: second)] = Merge(rank: rank, token: joined)
            rank += 1
            return true
        }

        /// Adds the pairs of `merges.txt`. It has some fifty thousand lines: they are cut as bytes, which takes a fraction of the
        /// time of characters. Lines end as they do for Python: with a line feed, a carriage return, or both.
        mutating func add(_ bytes: UnsafeRawBufferPointer, _ file: String) throws(ModelError) {
            var start = 0, number = 1
            while start < bytes.count {
                let line = bytes[start...].prefix { $0 != 0x0A && $0 != 0x0D }
                let isPair =
                    line.endIndex + 1 < bytes.count && bytes[line.endIndex] == 0x0D && bytes[line.endIndex + 1] == 0x0A
                start = line.endIndex + (isPair ? 2 : 1)
                defer { number += 1 }
                if line.isEmpty || line.starts(with: "#version".utf8) { continue }
                let space = line.firstIndex(of: UInt8(ascii: " ")) ?? line.endIndex
                let left = String(decoding: line[..<space], as: UTF8.self)
                guard add(left, String(decoding: line[space...].dropFirst(), as: UTF8.self)) else {
                    throw .malformed(
                        file: file, reason: "line \(number) is not two tokens that join to one of tokenizer/vocab.json")
                }
            }
        }
    }

    private let merges: [Pair: Merge]
    /// The token of a byte inside a word, and at its end; -1 where the vocabulary has none.
    private let inner: [Int32], final: [Int32]
    private let unknown: Int32
    /// How many bytes of a word each token stands for; 0 for ids that are none.
    private let byteCounts: [UInt16]

    /// - Parameters:
    ///   - mergesFile: `merges.txt`: a version line, then two tokens a line, most frequent first.
    ///   - unknown: what stands for a byte that the vocabulary does not have.
    init(_ vocabulary: Vocabulary, mergesFile: String, unknown: Int32?) throws(ModelError) {
        let file = try MappedFile(mergesFile)
        var table = MergeTable(vocabulary.ids)
        try file.withText { bytes throws(ModelError) in
            guard String(validating: bytes, as: UTF8.self) != nil else {
                throw .malformed(file: mergesFile, reason: "it is not UTF-8")
            }
            try table.add(bytes, mergesFile)
        }
        try self.init(vocabulary, table, unknown)
    }

    /// - Parameter merges: of `document`: pairs of tokens, as two strings or as one with a space between them.
    init(_ document: TokenizerDocument, unknown: Int32?) throws(ModelError) {
        var table = MergeTable(document.vocabulary.ids)
        guard case .array(let merges) = document.merges else {
            throw .badField(file: document.config.file, field: "model.merges", reason: "it is not an array")
        }
        for (index, merge) in merges.enumerated() {
            let pair =
                switch merge {
                case .string(let text): text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
                case .array(let parts): parts.map { $0.string ?? "" }
                default: [String]()
                }
            guard pair.count == 2, table.add(pair[0], pair[1]) else {
                throw .badField(
                    file: document.config.file, field: "model.merges[\(index)]",
                    reason: "it is not two tokens that join to one of model.vocab")
            }
        }
        try self.init(document.vocabulary, table, unknown)
    }

    private init(_ vocabulary: Vocabulary, _ table: MergeTable, _ unknown: Int32?) throws(ModelError) {
        let letters = ByteAlphabet.letters
        let inner = letters.map { vocabulary.ids[String($0)] ?? -1 }
        let final = letters.map { vocabulary.ids["\($0)</w>"] ?? -1 }
        if unknown == nil, let missing = letters.indices.first(where: { inner[$0] < 0 || final[$0] < 0 }) {
            throw .badField(
                file: vocabulary.file, field: "\(vocabulary.path)\(letters[missing])",
                reason: "it is missing, and so is the unk_token that would stand for it")
        }
        (self.inner, self.final) = (inner, final)
        self.unknown = unknown ?? -1
        merges = table.merges
        var counts = [UInt16](repeating: 0, count: vocabulary.size)
        for (token, id) in vocabulary.ids {
            let letters = token.unicodeScalars.count - (token.utf8.suffix(4).elementsEqual("</w>".utf8) ? 4 : 0)
            counts[Int(id)] = UInt16(clamping: max(letters, 1))
        }
        byteCounts = counts
    }

    /// How many bytes of a word a token stands for.
    func byteCount(_ token: Int32) -> Int { token == unknown ? 1 : Int(byteCounts[Int(token)]) }

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
