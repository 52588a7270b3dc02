/// The weights of one component: a safetensors file, or several with an index.
public struct Checkpoint: Sendable {
    /// The file that stands for the whole in messages: the single file, or the index.
    public let file: String
    /// Every file whose bytes belong to the checkpoint.
    public let files: [String]
    private let shards: [Safetensors]
    private let shardOfTensor: [String: Int]

    /// Opens the first that exists of `<stem>.safetensors`, `<stem>.safetensors.index.json`, and the same with the variant
    /// `fp16`, in the spellings that diffusers and transformers use.
    public init(folder: String, stem: String) throws(ModelError) {
        let candidates = [
            "\(stem).safetensors", "\(stem).safetensors.index.json", "\(stem).fp16.safetensors",
            "\(stem).safetensors.index.fp16.json", "\(stem).fp16.safetensors.index.json",
        ].map { "\(folder)/\($0)" }
        guard let file = candidates.first(where: MappedFile.exists) else { throw .missing(anyOf: candidates) }
        if file.hasSuffix(".json") {
            try self.init(folder: folder, index: file)
        } else {
            let shard = try Safetensors(file: file)
            self.init(file: file, files: [file], shards: [shard], shardOfTensor: shard.entries.mapValues { _ in 0 })
        }
    }

    private init(file: String, files: [String], shards: [Safetensors], shardOfTensor: [String: Int]) {
        self.file = file
        self.files = files
        self.shards = shards
        self.shardOfTensor = shardOfTensor
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
        var shards: [Safetensors] = []
        var shardOfTensor: [String: Int] = [:]
        let files = names.sorted().map { "\(folder)/\($0)" }
        for (number, file) in files.enumerated() {
            let shard = try Safetensors(file: file)
            for name in shard.entries.keys {
                guard case .string(let home)? = map[name], file == "\(folder)/\(home)" else {
                    throw config.refusal("weight_map.\(name)", "the tensor lies in \(file)")
                }
                shardOfTensor[name] = number
            }
            shards.append(shard)
        }
        if let absent = map.keys.filter({ shardOfTensor[$0] == nil }).min() {
            throw config.refusal("weight_map.\(absent)", "the shard that it names does not hold the tensor")
        }
        self.init(file: index, files: [index] + files, shards: shards, shardOfTensor: shardOfTensor)
    }

    /// A file that was written in place since it was opened.
    var changedFile: String? { shards.first { $0.file.hasChanged }?.file.path }

    /// What tells the files' bytes from those of others that had their names before or after.
    var state: String { shards.map(\.file.state).joined(separator: "\n") }

    /// The names of all tensors.
    public var names: Dictionary<String, Int>.Keys { shardOfTensor.keys }

    /// A tensor's description and bytes, and the file that keeps the bytes alive; nil when there is none of that name.
    public func tensor(_ name: String) -> (entry: Safetensors.Entry, bytes: UnsafeRawBufferPointer, file: MappedFile)? {
        guard let number = shardOfTensor[name], let entry = shards[number].entries[name] else { return nil }
        return (entry, shards[number].bytes(entry), shards[number].file)
    }
}
