import Compute
import Synchronization

/// A model as diffusers lays it out: `model_index.json` names the components, each in a folder of its own. Of a model in one file, what a
/// folder would have is made up (`Substitute`).
///
/// ```
/// MODEL/model_index.json            { "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"], … }
///       unet/config.json            architecture        unet/diffusion_pytorch_model.safetensors
///       vae/ …                      text_encoder/ … model.safetensors
///       tokenizer/tokenizer.json, or vocab.json and merges.txt; tokenizer_config.json and others      scheduler/scheduler_config.json
/// ```
/// Opening a folder reads `model_index.json` only.
public struct ModelFolder: Sendable {
    /// The folder, without a slash at its end; or the one file.
    public let path: String
    /// `model_index.json`.
    public let index: Config
    /// What its family says of its files.
    public let form: ModelForm
    private let substitute: Substitute?
    private let digest = DigestCache()

    /// What stands in for the files that a folder lacks where a model is one file.
    public struct Substitute: Sendable {
        /// The files that hold weights.
        public let files: [String]
        /// A component's weights, under the names of a diffusers folder.
        public let weights: @Sendable (String) throws(ModelError) -> TensorArchive
        /// A component's configuration; nil where the file does not tell.
        public let config: @Sendable (String) throws(ModelError) -> Config?
        /// The folder of a tokenizer; nil where it is not installed.
        public let tokenizer: @Sendable (String) -> String?

        /// Opens nothing.
        public init(
            files: [String], weights: @escaping @Sendable (String) throws(ModelError) -> TensorArchive,
            config: @escaping @Sendable (String) throws(ModelError) -> Config?,
            tokenizer: @escaping @Sendable (String) -> String?
        ) {
            self.files = files
            self.weights = weights
            self.config = config
            self.tokenizer = tokenizer
        }
    }

    /// Opens a folder.
    ///
    /// - Parameter form: what to expect of a model with this `model_index.json`.
    public init(
        path: String, substitute: Substitute? = nil, form: (Config) throws(ModelError) -> ModelForm
    ) throws(ModelError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let index = try Config(file: "\(path)/model_index.json")
        self.init(path: path, index, substitute, form: try form(index))
    }

    /// Opens one file as a model.
    ///
    /// - Parameter index: what `model_index.json` would say.
    public init(file path: String, index: Config, substitute: Substitute, form: ModelForm) {
        self.init(path: path, index, substitute, form: form)
    }

    private init(path: String, _ index: Config, _ substitute: Substitute?, form: ModelForm) {
        self.path = path
        self.index = index
        self.substitute = substitute
        self.form = form
    }

    /// Whether the model is one file, with no folder around it.
    public var isFile: Bool { substitute.map { $0.files.contains(path) } ?? false }

    /// Where the names of its files begin.
    private var root: String {
        guard isFile, let slash = path.lastIndex(of: "/") else { return path }
        return String(path[..<slash])
    }

    /// Whether a component has no weights in its own folder.
    public var lacksWeights: Bool {
        form.components.contains { !TensorArchive.exists(folder: "\(path)/\($0.name)", stem: $0.stem) }
    }

    /// The path of one of `files()`.
    public func location(_ name: String) -> String { "\(root)/\(name)" }

    /// Where its manifest is, if it has one: `latentd.json` in the folder, `NAME.json` beside a file.
    public var manifestFile: String { isFile ? "\(location(name)).json" : "\(path)/\(QuantizationManifest.fileName)" }

    /// The folder's own name, or the file's without its ending: what a job calls the model.
    public var name: String {
        let last = path.split(separator: "/").last ?? path[...]
        guard isFile, let dot = last.lastIndex(of: ".") else { return String(last) }
        return String(last[..<dot])
    }

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
    public func file(_ component: String, _ name: String) -> String {
        let own = "\(path)/\(component)"
        let folder = MappedFile.exists(own) ? own : substitute?.tokenizer(component) ?? own
        return "\(folder)/\(name)"
    }

    /// A component's JSON configuration.
    public func config(_ component: String, _ name: String = "config.json") throws(ModelError) -> Config {
        let file = file(component, name)
        if !MappedFile.exists(file), let config = try substitute?.config(component) { return config }
        return try Config(file: file)
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
    public func checkpoint(_ component: ModelForm.Component) throws(ModelError) -> TensorArchive {
        let folder = "\(path)/\(component.name)"
        if let substitute, !TensorArchive.exists(folder: folder, stem: component.stem) {
            return try substitute.weights(component.name)
        }
        return try TensorArchive(folder: folder, stem: component.stem)
    }

    /// Which tensors stay wider than the precision that the model is run at: the rules of its manifest, or its family's.
    public func precisionRules() throws(ModelError) -> PrecisionRules {
        guard MappedFile.exists(manifestFile) else { return form.rules }
        let manifest = try Config(file: manifestFile)
        guard manifest.has(QuantizationManifest.field) else { return form.rules }
        return try QuantizationManifest.rules(try manifest.object(QuantizationManifest.field), for: form)
    }

    /// Every file that decides what a picture looks like, as paths inside the folder (beside the one file), sorted.
    public func files() throws(ModelError) -> [String] {
        let root = root
        var files: Set<String> = isFile ? [] : ["model_index.json"]
        for component in form.components {
            let config = "\(component.name)/config.json"
            if substitute == nil || MappedFile.exists("\(path)/\(config)") { files.insert(config) }
            files.formUnion(try checkpoint(component).files.map { String($0.dropFirst(root.count + 1)) })
        }
        if isFile { return files.sorted() }
        let small = ["scheduler/scheduler_config.json"] + tokenizerFiles.map { "\($0)/\($1)" }
        return files.union(small.filter { MappedFile.exists("\(path)/\($0)") }).sorted()
    }

    /// The files of its tokenizers, as far as a model may have them.
    private var tokenizerFiles: [(folder: String, name: String)] {
        form.tokenizers.flatMap { folder in
            [
                "added_tokens.json", "merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
                "vocab.json",
            ].map { (folder, $0) }
        }
    }

    /// All that a diffusers folder of this model holds beside weights, by the names inside that folder: files that are there, and
    /// what stands in for those that are not.
    func texts() throws(ModelError) -> [(name: String, text: Text)] {
        let index = "\(path)/model_index.json"
        var texts = [
            ("model_index.json", MappedFile.exists(index) ? Text.file(index) : .made(.object(self.index.members)))
        ]
        let configurations = form.components.map { ($0.name, "config.json") } + [("scheduler", "scheduler_config.json")]
        for (component, name) in configurations {
            let file = file(component, name)
            if MappedFile.exists(file) {
                texts.append(("\(component)/\(name)", .file(file)))
            } else if let config = try substitute?.config(component) {
                texts.append(("\(component)/\(name)", .made(.object(config.members))))
            }
        }
        for (folder, name) in tokenizerFiles where hasFile(folder, name) {
            texts.append(("\(folder)/\(name)", .file(file(folder, name))))
        }
        for notice in isFile ? [] : ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "NOTICE", "README.md"]
        where MappedFile.exists("\(path)/\(notice)") {
            texts.append((notice, .file("\(path)/\(notice)")))
        }
        return texts
    }

    /// A small file of a model.
    enum Text {
        /// The one at this path.
        case file(String)
        /// One that has to be written.
        case made(JSON)
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
            let file = try MappedFile(location(name))
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
