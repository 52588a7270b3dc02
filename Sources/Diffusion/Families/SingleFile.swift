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
        guard let context = SingleFile.contextChannels(archive, prefix) else {
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
        let files = MappedFile.names(in: folder).map { "\(folder)/\($0)" }.filter(isCheckpoint)
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

    private static func contextChannels(_ archive: TensorArchive, _ prefix: String) -> Int? {
        let name = archive.names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".attn2.to_k.weight") }.min()
        return name.flatMap { archive[$0]?.shape.last }
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

/// A UNet's levels, as the names and shapes of its tensors tell them.
private struct UNetShape {
    struct Level {
        var channels: Int
        /// Transformer blocks after each layer; 0 where there is no transformer.
        var depths: [Int] = []
    }

    var levels: [Level] = []
    /// Of the way up, from the lowest level.
    var upDepths: [[Int]] = []
    /// Transformer blocks in the middle; nil where it has no transformer.
    var middleDepth: Int?
    private let hasMiddle: Bool
    private let contextChannels: Int
    private let conditionChannels: Int?
    private let additionInputs: Int?

    init(_ archive: TensorArchive, _ prefix: String) {
        var depths: [String: Int] = [:]
        for name in archive.names where name.hasPrefix(prefix) {
            let parts = name.dropFirst(prefix.count).split(separator: ".")
            guard let index = parts.firstIndex(of: "transformer_blocks"), index + 1 < parts.count,
                let number = Int(parts[index + 1])
            else { continue }
            let place = parts[..<index].joined(separator: ".")
            depths[place] = max(depths[place] ?? 0, number + 1)
        }
        func channels(_ place: String) -> Int? { archive["\(prefix)\(place).0.out_layers.3.weight"]?.shape.first }
        var block = 1
        while true {
            if let width = channels("input_blocks.\(block)") {
                if levels.isEmpty || levels[levels.count - 1].channels == 0 {
                    if !levels.isEmpty { levels.removeLast() }
                    levels.append(Level(channels: width))
                }
                levels[levels.count - 1].depths.append(depths["input_blocks.\(block).1"] ?? 0)
            } else if archive["\(prefix)input_blocks.\(block).0.op.weight"] != nil {
                levels.append(Level(channels: 0))
            } else {
                break
            }
            block += 1
        }
        block = 0
        for level in levels.reversed() {
            let layers = level.depths.count + 1
            upDepths.append((block..<block + layers).map { depths["output_blocks.\($0).1"] ?? 0 })
            block += layers
        }
        hasMiddle = channels("middle_block.0") != nil || archive["\(prefix)middle_block.0.in_layers.0.weight"] != nil
        middleDepth = depths["middle_block.1"]
        let key = archive.names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".attn2.to_k.weight") }.min()
        contextChannels = key.flatMap { archive[$0]?.shape.last } ?? 0
        conditionChannels = archive["\(prefix)time_embed.cond_proj.weight"]?.shape.last
        additionInputs = archive["\(prefix)label_emb.0.0.weight"]?.shape.last
        linearProjections = archive["\(prefix)middle_block.1.proj_in.weight"]?.shape.count == 2
    }

    private let linearProjections: Bool

    /// `unet/config.json`.
    func config(_ path: String, _ kind: SingleFile.Kind) -> Config {
        func blocks(_ attends: [Bool], _ direction: String) -> JSON {
            .array(attends.map { .string($0 ? "CrossAttn\(direction)Block2D" : "\(direction)Block2D") })
        }
        let attends = levels.map { $0.depths.contains { $0 > 0 } }
        let widths = levels.map(\.channels)
        // Stable Diffusion 1 has eight heads everywhere; later ones have heads of 64 channels.
        let heads = widths.map { kind == .one ? 8 : max($0 / 64, 1) }
        var members: [String: JSON] = [
            "block_out_channels": .array(widths.map(JSON.integer)),
            "down_block_types": blocks(attends, "Down"),
            "up_block_types": blocks(upDepths.map { $0.contains { $0 > 0 } }, "Up"),
            "layers_per_block": .array(levels.map { .integer($0.depths.count) }),
            "attention_head_dim": .array(heads.map(JSON.integer)), "cross_attention_dim": .integer(contextChannels),
            "use_linear_projection": .bool(linearProjections),
            "transformer_layers_per_block": .array(levels.map { .array($0.depths.map { .integer(max($0, 1)) }) }),
            "reverse_transformer_layers_per_block": .array(
                upDepths.map { .array($0.map { .integer(max($0, 1)) }) }),
            "sample_size": .integer(kind == .xl ? 128 : kind == .two ? 96 : 64),
            "mid_block_type": !hasMiddle
                ? .null : .string(middleDepth == nil ? "UNetMidBlock2D" : "UNetMidBlock2DCrossAttn"),
        ]
        if let conditionChannels { members["time_cond_proj_dim"] = .integer(conditionChannels) }
        if let additionInputs {
            members["addition_embed_type"] = .string("text_time")
            members["addition_time_embed_dim"] = .integer(256)
            members["projection_class_embeddings_input_dim"] = .integer(additionInputs)
        }
        return Config(file: path, members: members)
    }
}
