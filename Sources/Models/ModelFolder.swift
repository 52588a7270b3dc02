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
    /// The folder, without a slash at its end.
    public let path: String
    /// `model_index.json`.
    public let index: Config
    /// What its family says of its files.
    public let form: ModelForm
    private let digest = DigestCache()

    /// Opens a folder.
    ///
    /// - Parameter form: what to expect of a model with this `model_index.json`.
    public init(path: String, form: (Config) throws(ModelError) -> ModelForm) throws(ModelError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        index = try Config(file: "\(path)/model_index.json")
        self.form = try form(index)
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
    ///
    /// - Precondition: the model's form has a component of this name.
    public func checkpoint(_ name: String) throws(ModelError) -> TensorArchive {
        guard let component = form.components.first(where: { $0.name == name }) else {
            preconditionFailure("the form of \(path) has no component '\(name)'")
        }
        return try checkpoint(component)
    }

    /// A component's weights, mapped.
    public func checkpoint(_ component: ModelForm.Component) throws(ModelError) -> Checkpoint {
        try Checkpoint(folder: "\(path)/\(component.name)", stem: component.stem)
    }

    /// Which tensors stay wider than the precision that the model is run at: the rules of its manifest, or its family's.
    public func precisionRules() throws(ModelError) -> PrecisionRules {
        let path = "\(path)/\(QuantizationManifest.fileName)"
        guard MappedFile.exists(path) else { return form.rules }
        let manifest = try Config(file: path)
        guard manifest.has(QuantizationManifest.field) else { return form.rules }
        return try QuantizationManifest.rules(try manifest.object(QuantizationManifest.field), for: form)
    }

    /// Every file that decides what a picture looks like, as paths inside the folder, sorted.
    public func files() throws(ModelError) -> [String] {
        var files = ["model_index.json"]
        for component in form.components {
            files.append("\(component.name)/config.json")
            files += try checkpoint(component).files.map { String($0.dropFirst(path.count + 1)) }
        }
        let small = ["scheduler/scheduler_config.json"] + form.tokenizers.flatMap { tokenizer in
            [
                "added_tokens.json", "merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
                "vocab.json",
            ].map { "\(tokenizer)/\($0)" }
        }
        return (files + small.filter { MappedFile.exists("\(path)/\($0)") }).sorted()
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
