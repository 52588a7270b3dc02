import Models

/// A Stable Diffusion in one file, in the layout of its first publication: which parts it has, and the configurations that it lacks. They
/// are facts about the published models, read from the shapes of the tensors where these tell.
///
/// ```
/// X.safetensors or X.gguf              UNet, and most often the text encoders and the autoencoder
/// X.vae.safetensors                    what X lacks, or what is to take the place of X's
/// X.text_encoder.safetensors   X.text_encoder_2.safetensors
/// ```
/// ## Easy to get wrong
/// The tensors do not say what the network predicts. Stable Diffusion 2's layout counts as the 2.1 that predicts v, as in diffusers,
/// unless `modelspec.prediction_type` in the file's metadata says something else; XL predicts epsilon unless it holds a tensor `v_pred`.
struct SingleFile: Sendable {
    /// Where the UNet's names begin.
    private static let unetPrefix = "model.diffusion_model."
    private static let autoencoderPrefix = "first_stage_model."

    /// A published model whose layout a file has.
    enum Kind {
        case one, two, xl
    }

    /// The endings of files that may be a model.
    private static let endings = ["safetensors", "gguf"]

    let path: String
    let kind: Kind
    private let archive: TensorArchive
    /// The files beside it, by the component that they hold.
    private let beside: [String: String]
    /// What stands before the UNet's names here: nothing in a file that holds it alone.
    private let prefix: String

    /// Opens a file and looks what it is.
    ///
    /// - Parameter isDescribed: there are configurations of its components, so that it need not be of a size that was published.
    init(path: String, isDescribed: Bool) throws(ModelError) {
        let archive = try TensorArchive(file: path)
        self.path = path
        self.archive = archive
        let prefixes = [Self.unetPrefix, ""]
        guard let prefix = prefixes.first(where: { archive["\($0)input_blocks.0.0.weight"] != nil }) else {
            throw .malformed(file: path, reason: SingleFile.strangers(archive))
        }
        self.prefix = prefix
        guard let context = UNetShape.contextChannels(archive, prefix) else {
            throw .malformed(
                file: path, reason: "its UNet attends to no text: there is no '\(prefix)….attn2.to_k.weight'")
        }
        let isOpenCLIP = archive["cond_stage_model.model.ln_final.weight"] != nil
        switch context {
        case _ where archive["\(prefix)label_emb.0.0.weight"] != nil: kind = .xl
        case _ where isDescribed: kind = isOpenCLIP ? .two : .one
        case 768: kind = .one
        case 1024: kind = .two
        default:
            throw .malformed(
                file: path,
                reason:
                    "its UNet attends to \(context) channels; Stable Diffusion 1 has 768, 2 has 1024, and XL a tensor "
                    + "'label_emb.0.0.weight'")
        }
        var beside: [String: String] = [:]
        for component in SingleFile.components where MappedFile.exists(SingleFile.companion(of: path, component)) {
            beside[component] = SingleFile.companion(of: path, component)
        }
        self.beside = beside
    }

    private static let components = ["vae", "text_encoder", "text_encoder_2"]

    /// Whether a path is that of a file which may be a model.
    static func isCheckpoint(_ path: String) -> Bool {
        endings.contains { path.hasSuffix(".\($0)") } && MappedFile.isRegular(path)
    }

    /// Whether a path is that of a checkpoint in the format of Python's pickle.
    static func isPickle(_ path: String) -> Bool {
        ["ckpt", "pt", "pth"].contains { path.hasSuffix(".\($0)") } && MappedFile.isRegular(path)
    }

    /// The one file at the top of a folder that may be its weights; nil where there is none, or more than one.
    static func atTop(of folder: String) -> String? {
        let files = (MappedFile.names(in: folder) ?? []).map { "\(folder)/\($0)" }.filter(isCheckpoint)
        return files.count == 1 ? files[0] : nil
    }

    /// What stands in for the files that a folder would have.
    var substitute: ModelFolder.Substitute {
        ModelFolder.Substitute(
            files: [path] + beside.values.sorted(),
            weights: { (component) throws(ModelError) in
                // Opened anew: what is loaded again is compared with what was loaded before.
                try SingleFile(path: path, isDescribed: true).weights(of: component)
            }, config: { (component) throws(ModelError) in try config(component) },
            tokenizer: { component in
                switch component {
                case "tokenizer": ClipVocabulary.folder(beside: path, padsWithExclamationMark: kind == .two)
                case "tokenizer_2": ClipVocabulary.folder(beside: path, padsWithExclamationMark: true)
                default: nil
                }
            })
    }

    /// The file that holds a component of the model at `path` and lies beside it.
    static func companion(of path: String, _ component: String) -> String {
        "\(stem(path)).\(component).safetensors"
    }

    /// Whether a file is a component of another one beside it.
    static func isCompanion(_ path: String) -> Bool {
        let stem = stem(path)
        return components.contains { component in
            guard stem.hasSuffix(".\(component)") else { return false }
            let owner = stem.dropLast(component.count + 1)
            return endings.contains { MappedFile.exists("\(owner).\($0)") }
        }
    }

    /// A path without its ending.
    static func stem(_ path: String) -> String {
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return path }
        return String(path[..<dot])
    }

    /// What a file holds that no family recognizes.
    private static func strangers(_ archive: TensorArchive) -> String {
        let names = archive.names.sorted()
        let some = names.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        return
            "it is no checkpoint of a family that latentd knows: '\(unetPrefix)input_blocks.0.0.weight' is not in it, but "
            + (names.isEmpty ? "no tensors at all" : "\(names.count) tensors such as \(some)")
    }

    // MARK: - Weights

    /// The components of which it has no weights, with the file that could lie beside it.
    func missing() throws(ModelError) -> [(component: String, file: String)] {
        var missing: [(String, String)] = []
        for part in ["vae", "text_encoder"] + (kind == .xl ? ["text_encoder_2"] : []) where beside[part] == nil {
            if try view(of: part, archive).entries.isEmpty {
                missing.append((part, SingleFile.companion(of: path, part)))
            }
        }
        return missing
    }

    /// A component's weights, under the names of a diffusers folder.
    func weights(of component: String) throws(ModelError) -> TensorArchive {
        let archive = if let file = beside[component] { try TensorArchive(file: file) } else { self.archive }
        let view = try view(of: component, archive)
        guard !view.entries.isEmpty else { throw .missing(anyOf: [SingleFile.companion(of: path, component)]) }
        return view
    }

    private func view(of component: String, _ archive: TensorArchive) throws(ModelError) -> TensorArchive {
        switch component {
        case "unet": try unet(archive)
        case "vae": try autoencoder(archive)
        default: try text(archive, component)
        }
    }

    private func unet(_ archive: TensorArchive) throws(ModelError) -> TensorArchive {
        let shape = UNetShape(archive, prefix)
        let names = OriginalNames.unet(
            layersPerBlock: shape.levels.map(\.depths.count),
            attends: shape.levels.map { $0.depths.contains { $0 > 0 } },
            hasMiddleAttention: shape.middleDepth != nil)
        return try archive.renamed(below: prefix) { name in
            guard let (place, rest) = names.split(name) else { return nil }
            guard place.contains(".resnets.") else { return place + rest }
            let inner = rest.dropFirst()
            let layer = OriginalNames.resnet.first { inner.hasPrefix($0.0) }
            return layer.map { "\(place).\($0.1)\(inner.dropFirst($0.0.count))" }
        }
    }

    private func autoencoder(_ archive: TensorArchive) throws(ModelError) -> TensorArchive {
        // A file of its own often holds an autoencoder without the prefix, or under diffusers' names.
        if archive["decoder.conv_norm_out.weight"] != nil { return archive }
        let prefix = archive["decoder.conv_in.weight"] != nil ? "" : Self.autoencoderPrefix
        let levels = SingleFile.count(archive, "\(prefix)decoder.up.")
        return try archive.renamed(below: prefix) { OriginalNames.autoencoder($0, levels: levels) }
    }

    private func text(_ archive: TensorArchive, _ component: String) throws(ModelError) -> TensorArchive {
        let isFirst = component == "text_encoder"
        let places = kind == .xl ? ["conditioner.embedders.\(isFirst ? 0 : 1)."] : ["cond_stage_model."]
        for prefix in places + ["text_encoders.clip_\(isFirst ? "l" : "g").", ""] {
            let transformer = "\(prefix)transformer.", token = "embeddings.token_embedding.weight"
            for root in ["\(transformer)text_model.", transformer, "\(prefix)text_model."]
            where archive["\(root)\(token)"] != nil {
                let own = try archive.renamed(below: root) { "text_model.\($0)" }
                let projection =
                    archive["\(transformer)text_projection.weight"] ?? archive["\(prefix)text_projection.weight"]
                return own.adding(projection.map { ["text_projection.weight": $0] } ?? [:])
            }
            let model = ["\(prefix)model.", prefix].first { archive["\($0)transformer.resblocks.0.ln_1.weight"] != nil }
            guard let model else { continue }
            return try archive.mapped(below: model) { (name, entry) throws(ModelError) in
                // Stable Diffusion 2 was trained on what the last layer but one says: diffusers leaves out the last of 24.
                if kind == .two, name.hasPrefix("transformer.resblocks.23.") { return [] }
                return try OriginalNames.openCLIP(name).map { (name, part) throws(ModelError) in
                    switch part {
                    case .whole: (name, entry)
                    case .rows(let index, let count): (name, try entry.rows(index, of: count))
                    case .transposed: (name, try entry.transposed())
                    }
                }
            }
        }
        return try archive.renamed { _ in nil }
    }

    /// One more than the largest number that follows `prefix`.
    private static func count(_ archive: TensorArchive, _ prefix: String) -> Int {
        archive.names.reduce(0) { most, name in
            guard name.hasPrefix(prefix) else { return most }
            return max(most, (Int(name.dropFirst(prefix.count).prefix { $0.isNumber }) ?? -1) + 1)
        }
    }

    // MARK: - Configurations

    /// `model_index.json`.
    var index: Config {
        let clip: JSON = .array([.string("transformers"), .string("CLIPTextModel")])
        let tokenizer: JSON = .array([.string("transformers"), .string("CLIPTokenizer")])
        var members: [String: JSON] = [
            "text_encoder": clip, "tokenizer": tokenizer,
            "unet": .array([.string("diffusers"), .string("UNet2DConditionModel")]),
            "vae": .array([.string("diffusers"), .string("AutoencoderKL")]),
            "scheduler": .array([.string("diffusers"), scheduler.members["_class_name"] ?? .null]),
            "_class_name": .string("StableDiffusionPipeline"),
        ]
        if kind == .xl {
            members["_class_name"] = .string("StableDiffusionXLPipeline")
            members["text_encoder_2"] = .array([.string("transformers"), .string("CLIPTextModelWithProjection")])
            members["tokenizer_2"] = tokenizer
            members["force_zeros_for_empty_prompt"] = .bool(true)
        }
        return Config(file: path, members: members)
    }

    /// A component's `config.json`, or the scheduler's file; nil for what has none.
    func config(_ component: String) throws(ModelError) -> Config? {
        switch component {
        case "scheduler": scheduler
        case "unet": UNetShape(archive, prefix).config(path, kind)
        case "vae": try autoencoderConfig(weights(of: "vae"))
        case "text_encoder", "text_encoder_2": try textConfig(weights(of: component), component)
        default: nil
        }
    }

    private func autoencoderConfig(_ vae: TensorArchive) -> Config {
        let levels = SingleFile.count(vae, "decoder.up_blocks.")
        let widths = (0..<levels).map {
            vae["decoder.up_blocks.\(levels - 1 - $0).resnets.0.conv2.weight"]?.shape.first ?? 0
        }
        return Config(
            file: vae.file,
            members: [
                "_class_name": .string("AutoencoderKL"), "block_out_channels": .array(widths.map(JSON.integer)),
                "layers_per_block": .integer(SingleFile.count(vae, "decoder.up_blocks.0.resnets.") - 1),
                "latent_channels": .integer(vae["decoder.conv_in.weight"]?.shape.dropFirst().first ?? 4),
                "scaling_factor": .number(kind == .xl ? 0.13025 : 0.18215),
                "use_quant_conv": .bool(vae["quant_conv.weight"] != nil),
                "use_post_quant_conv": .bool(vae["post_quant_conv.weight"] != nil),
            ])
    }

    private func textConfig(_ text: TensorArchive, _ component: String) -> Config {
        let layer = "text_model.encoder.layers."
        let table = text["text_model.embeddings.token_embedding.weight"]?.shape ?? [49_408, 768]
        let channels = table.last ?? 768
        // OpenAI's model has 768 channels and its own activation; those of open_clip are wider.
        return Config(
            file: text.file,
            members: [
                "vocab_size": .integer(table[0]), "hidden_size": .integer(channels),
                "intermediate_size": .integer(text["\(layer)0.mlp.fc1.weight"]?.shape.first ?? channels * 4),
                "num_hidden_layers": .integer(SingleFile.count(text, layer)),
                "num_attention_heads": .integer(max(channels / 64, 1)),
                "max_position_embeddings": .integer(
                    text["text_model.embeddings.position_embedding.weight"]?.shape.first ?? 77),
                "hidden_act": .string(channels == 768 ? "quick_gelu" : "gelu"), "eos_token_id": .integer(49_407),
                "projection_dim": .integer(text["text_projection.weight"]?.shape.first ?? channels),
            ])
    }

    private var scheduler: Config {
        var members: [String: JSON] = [
            "beta_start": .number(0.00085), "beta_end": .number(0.012), "beta_schedule": .string("scaled_linear"),
            "num_train_timesteps": .integer(1000), "steps_offset": .integer(1), "set_alpha_to_one": .bool(false),
            "clip_sample": .bool(false), "skip_prk_steps": .bool(true), "timestep_spacing": .string("leading"),
            "prediction_type": .string(predictsVelocity ? "v_prediction" : "epsilon"),
        ]
        let name =
            switch kind {
            case .one: "PNDMScheduler"
            case .two: "DDIMScheduler"
            case .xl: "EulerDiscreteScheduler"
            }
        members["_class_name"] = .string(name)
        if archive["ztsnr"] != nil { members["rescale_betas_zero_snr"] = .bool(true) }
        return Config(file: path, members: members)
    }

    private var predictsVelocity: Bool {
        if let said = archive.metadata["modelspec.prediction_type"] { return said.hasPrefix("v") }
        return kind == .two || archive["v_pred"] != nil
    }
}
