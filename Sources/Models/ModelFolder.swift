import Compute
import Synchronization

/// A model in the diffusers layout: `model_index.json` names the components, each in a folder of its own.
///
/// ```
/// MODEL/model_index.json            { "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"], … }
///       unet/config.json            architecture        unet/diffusion_pytorch_model.safetensors
///       vae/ …                      text_encoder/ … model.safetensors
///       tokenizer/tokenizer.json, or vocab.json and merges.txt; tokenizer_config.json and others      scheduler/scheduler_config.json
/// ```
/// Opening a folder reads `model_index.json` only.
public struct ModelFolder: Sendable {
    /// The components that have weights.
    public static let weightComponents = ["text_encoder", "unet", "vae"]

    /// The folder, without a slash at its end.
    public let path: String
    /// `model_index.json`.
    public let index: Config
    private let digest = DigestCache()

    /// Opens a folder.
    public init(path: String) throws(ModelError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        index = try Config(file: "\(path)/model_index.json")
    }

    /// The folder's own name: what a job calls the model.
    public var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The name of the diffusers pipeline that the folder was made for.
    public var pipelineClass: String? {
        if case .string(let name)? = index.members["_class_name"] { name } else { nil }
    }

    /// The class of a component, as `model_index.json` has it.
    public func componentClass(_ component: String) throws(ModelError) -> String {
        guard case .array(let pair)? = index.members[component], pair.count == 2, case .string(let name) = pair[1]
        else {
            throw index.refusal(component, "it is not a pair of library and class")
        }
        return name
    }

    /// The path of a component's file.
    public func file(_ component: String, _ name: String) -> String { "\(path)/\(component)/\(name)" }

    /// A component's JSON configuration.
    public func config(_ component: String, _ name: String = "config.json") throws(ModelError) -> Config {
        try Config(file: file(component, name))
    }

    /// True when a component has such a file.
    public func hasFile(_ component: String, _ name: String) -> Bool { MappedFile.exists(file(component, name)) }

    /// A component's weights, mapped.
    public func checkpoint(_ component: String) throws(ModelError) -> TensorArchive {
        try TensorArchive(folder: "\(path)/\(component)", stem: stem(component))
    }

    /// The path, inside the folder, of the one file that an import writes a component's weights to.
    func outputFile(_ component: String) -> String { "\(component)/\(stem(component)).safetensors" }

    private func stem(_ component: String) -> String {
        component == "text_encoder" ? "model" : "diffusion_pytorch_model"
    }

    /// Which tensors stay wider than the precision that the model is run at: the rules of its manifest, or the standard ones.
    public func precisionRules() throws(ModelError) -> PrecisionRules {
        let path = "\(path)/\(QuantizationManifest.fileName)"
        guard MappedFile.exists(path) else { return .standard }
        let manifest = try Config(file: path)
        guard manifest.has(QuantizationManifest.field) else { return .standard }
        return try QuantizationManifest.rules(try manifest.object(QuantizationManifest.field))
    }

    /// Every file that decides what a picture looks like, as paths inside the folder, sorted.
    public func files() throws(ModelError) -> [String] {
        var files = ["model_index.json"]
        for component in ModelFolder.weightComponents {
            files.append("\(component)/config.json")
            files += try checkpoint(component).files.map { String($0.dropFirst(path.count + 1)) }
        }
        let optional = [
            "scheduler/scheduler_config.json", "tokenizer/added_tokens.json", "tokenizer/merges.txt",
            "tokenizer/special_tokens_map.json", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json",
            "tokenizer/vocab.json",
        ]
        return (files + optional.filter { MappedFile.exists("\(path)/\($0)") }).sorted()
    }

    /// The SHA-256 that names the model: of the text that `sha256sum` prints for `files()`, run inside the folder.
    ///
    /// Reads every byte of the model the first time (2 GB take seconds); copies of this value share the answer.
    ///
    /// - Parameter stop: hears of every 16 MiB, and ends the work.
    public func sha256(stop: StopFlag? = nil) throws(ModelError) -> String {
        if let known = digest.value { return known }
        var list = ""
        for name in try files() {
            let file = try MappedFile("\(path)/\(name)")
            list += "\(try ModelFolder.sha256(of: file, stop))  \(name)\n"
        }
        let digest = Array(list.utf8).withUnsafeBytes { SHA256.hexadecimal($0) }
        self.digest.value = digest
        return digest
    }
}

extension ModelFolder {
    /// The digest of a file's bytes, which leave this process's memory as they are read.
    fileprivate static func sha256(of file: MappedFile, _ stop: StopFlag?) throws(ModelError) -> String {
        var hash = SHA256()
        defer { withExtendedLifetime(file) {} }
        let bytes = file.bytes
        for start in stride(from: 0, to: bytes.count, by: 1 << 24) {
            let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + 1 << 24)])
            hash.update(part)
            file.release(part)
            try stop?.passed()
        }
        if file.hasChanged { throw .changed(file: file.path) }
        return hash.finalize()
    }
}

/// The digest, once it is known.
private final class DigestCache: Sendable {
    private let stored = Mutex<String?>(nil)

    var value: String? {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}
