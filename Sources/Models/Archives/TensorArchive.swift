/// Tensors by their names, whatever files they lie in: a checkpoint, one component of a model, a LoRA.
///
/// ```
/// X.safetensors, X.gguf                           init(file:)
/// STEM.safetensors, or STEM.safetensors.index.json and the shards that it names       init(folder:stem:)
/// either of them under other names                renamed(below:_:)
/// ```
/// Opening reads headers only; the tensors stay in mapped files. All that is known here about a tensor is its name, format, shape and
/// bytes: what it is for, and what it is called in an architecture, is for others to say.
public struct TensorArchive: Sendable {
    /// The file that stands for the whole in messages: the single file, or the index.
    public let file: String
    /// Every file whose bytes belong to the archive, an index first.
    public let files: [String]
    /// Every tensor by its name.
    public let entries: [String: TensorEntry]
    /// What the files say beside their tensors, as text. Where several shards say the same thing differently, the first one is heard.
    public let metadata: [String: String]
    /// The files that hold tensors.
    let mappings: [MappedFile]

    private init(
        file: String, files: [String], entries: [String: TensorEntry], metadata: [String: String],
        mappings: [MappedFile]
    ) {
        self.file = file
        self.files = files
        self.entries = entries
        self.metadata = metadata
        self.mappings = mappings
    }

    /// Opens a single file: GGUF where it begins like that, else safetensors.
    public init(file path: String) throws(ModelError) {
        let mapping = try MappedFile(path)
        let entries: [String: TensorEntry], metadata: [String: String]
        if GGUF.isFormat(of: mapping) {
            let contents = try GGUF(mapping)
            (entries, metadata) = (contents.entries, contents.metadata)
        } else {
            let contents = try Safetensors(mapping)
            (entries, metadata) = (contents.entries, contents.metadata)
        }
        try TensorArchive.requireNames(of: entries, path)
        self.init(file: path, files: [path], entries: entries, metadata: metadata, mappings: [mapping])
    }

    /// Opens the first that exists of `<stem>.safetensors`, `<stem>.safetensors.index.json`, and the same with the variant
    /// `fp16`, in the spellings that diffusers and transformers use.
    public init(folder: String, stem: String) throws(ModelError) {
        let candidates = Self.candidates(folder, stem)
        guard let file = candidates.first(where: MappedFile.exists) else { throw .missing(anyOf: candidates) }
        if file.hasSuffix(".json") {
            try self.init(folder: folder, index: file)
        } else {
            try self.init(file: file)
        }
    }

    /// Whether there is something to open.
    static func exists(folder: String, stem: String) -> Bool {
        candidates(folder, stem).contains(where: MappedFile.exists)
    }

    private static func candidates(_ folder: String, _ stem: String) -> [String] {
        [
            "\(stem).safetensors", "\(stem).safetensors.index.json", "\(stem).fp16.safetensors",
            "\(stem).safetensors.index.fp16.json", "\(stem).fp16.safetensors.index.json",
        ].map { "\(folder)/\($0)" }
    }

    /// Opens the shards that an index names. Each tensor must lie in the shard where the index says, and nowhere else.
    private init(folder: String, index: String) throws(ModelError) {
        let config = try Config(file: index)
        guard case .object(let map) = config.members["weight_map"] ?? .null else {
            throw config.refusal("weight_map", "it is not an object")
        }
        var names: Set<String> = []
        for (tensor, value) in map {
            guard case .string(let name) = value else {
                throw config.refusal("weight_map.\(tensor)", "it is not a string")
            }
            guard !name.isEmpty, !name.contains("/"), name.hasSuffix(".safetensors") else {
                throw config.refusal(
                    "weight_map.\(tensor)", "'\(name)' is not the name of a safetensors file beside it")
            }
            names.insert(name)
        }
        var entries: [String: TensorEntry] = [:], metadata: [String: String] = [:], mappings: [MappedFile] = []
        let files = names.sorted().map { "\(folder)/\($0)" }
        for file in files {
            let shard = try Safetensors(file: file)
            for (name, entry) in shard.entries {
                guard case .string(let home)? = map[name], file == "\(folder)/\(home)" else {
                    throw config.refusal("weight_map.\(name)", "the tensor lies in \(file)")
                }
                entries[name] = entry
            }
            try TensorArchive.requireNames(of: shard.entries, file)
            metadata.merge(shard.metadata) { first, _ in first }
            mappings.append(shard.file)
        }
        if let absent = map.keys.filter({ entries[$0] == nil }).min() {
            throw config.refusal("weight_map.\(absent)", "the shard that it names does not hold the tensor")
        }
        self.init(file: index, files: [index] + files, entries: entries, metadata: metadata, mappings: mappings)
    }

    /// The most bytes of a tensor's name: many times what any model needs.
    static let longestName = 1024

    /// Why a tensor cannot have this name, which goes into messages, paths of scopes and other files; nil for a name that will do.
    static func flaw(ofName name: String) -> String? {
        if name.isEmpty { return "it is empty" }
        if name.utf8.count > longestName { return "it has \(name.utf8.count) bytes, more than \(longestName)" }
        if name.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) {
            return "\(name.debugDescription) has a control character"
        }
        return nil
    }

    private static func requireNames(of entries: [String: TensorEntry], _ file: String) throws(ModelError) {
        guard let flaw = entries.keys.compactMap(flaw(ofName:)).min() else { return }
        throw .badField(file: file, field: "name", reason: flaw)
    }

    /// A view of the archive under other names, such as one component of a model that is a single file.
    ///
    /// - Parameters:
    ///   - prefix: only tensors whose names begin with it are part of the view.
    ///   - rename: gives the new name for what follows the prefix, or nil for a tensor that is not part of the view.
    /// - Throws: `badTensor` where two tensors would get the same name.
    public func renamed(
        below prefix: String = "", _ rename: (Substring) -> String? = { String($0) }
    ) throws(ModelError) -> TensorArchive {
        try mapped(below: prefix) { (name, entry) throws(ModelError) in rename(name).map { [($0, entry)] } ?? [] }
    }

    /// A view of the archive in which each tensor stands for any number of others: parts of it, or none.
    ///
    /// - Parameters:
    ///   - prefix: only tensors whose names begin with it are part of the view.
    ///   - transform: gives the new names and tensors for what follows the prefix.
    /// - Throws: `badTensor` where two tensors would get the same name.
    public func mapped(
        below prefix: String = "",
        _ transform: (Substring, TensorEntry) throws(ModelError) -> [(name: String, entry: TensorEntry)]
    ) throws(ModelError) -> TensorArchive {
        var mapped: [String: TensorEntry] = [:]
        for name in entries.keys.filter({ $0.hasPrefix(prefix) }).sorted() {
            guard let entry = entries[name] else { continue }
            for (new, part) in try transform(name.dropFirst(prefix.count), entry) {
                if let other = mapped.updateValue(part, forKey: new) {
                    throw .badTensor(
                        file: entry.file.path, name: entry.name,
                        reason: "it would be called '\(new)', as '\(other.name)' is already")
                }
            }
        }
        return adding(mapped, to: [:])
    }

    /// The same files with more tensors of theirs in view.
    public func adding(_ more: [String: TensorEntry]) -> TensorArchive { adding(more, to: entries) }

    private func adding(_ more: [String: TensorEntry], to entries: [String: TensorEntry]) -> TensorArchive {
        TensorArchive(
            file: file, files: files, entries: entries.merging(more) { _, new in new }, metadata: metadata,
            mappings: mappings)
    }

    /// The tensor of this name; nil where there is none.
    public subscript(_ name: String) -> TensorEntry? { entries[name] }

    /// The names of all tensors.
    public var names: Dictionary<String, TensorEntry>.Keys { entries.keys }

    /// A file that was written in place since it was opened: what was read of the archive does not belong together.
    var changedFile: String? { mappings.first { $0.hasChanged }?.path }

    /// Differs for files that had the same names before or get them later: their sizes and dates.
    var state: String { mappings.map(\.state).joined(separator: "\n") }
}
