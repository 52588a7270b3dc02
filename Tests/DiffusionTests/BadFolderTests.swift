import Diffusion
import Foundation
import Models
import Testing

/// A model folder that is wrong is refused when it is opened or loaded, in one sentence that names the file and the field.
struct BadFolderTests {
    @Test("a configuration that asks for what is not there is refused", arguments: configurations)
    func configuration(_ bad: BadFolder) throws { try expectRefusal(bad) }

    @Test("a folder without one of its files is refused", arguments: files)
    func file(_ bad: BadFolder) throws { try expectRefusal(bad) }

    @Test("weights that do not fit the configuration are refused", arguments: tensors)
    func tensor(_ bad: BadFolder) throws { try expectRefusal(bad) }

    private func expectRefusal(_ bad: BadFolder) throws {
        let manager = FileManager.default
        let folder = manager.temporaryDirectory.appendingPathComponent("latentd-\(UUID().uuidString)")
        try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try manager.removeItem(at: folder) } }
        let path = try bad.make(in: folder)
        let message = try #require(throws: (any Error).self) {
            try Pipeline(folder: ModelFolder(path: path), threads: 1).load()
        }
        let text = String(describing: message)
        for mention in bad.mentions where !mention.isEmpty {
            #expect(text.contains(mention), "\(text) does not mention \(mention)")
        }
        #expect(text.contains(path), "\(text) does not say which model")
        #expect(!text.contains("\n"), "\(text) is more than a line")
    }

    private static let configurations: [BadFolder] = [
        .unet("down_block_types", #"["CrossAttnDownBlock2D","AttnDownBlock2D"]"#, "AttnDownBlock2D"),
        .unet("down_block_types", #"["DownBlock2D"]"#),
        .unet("down_block_types", #""DownBlock2D""#),
        .unet("up_block_types", #"["UpBlock2D","SkipUpBlock2D"]"#, "SkipUpBlock2D"),
        .unet("mid_block_type", #""UNetMidBlock2DSimpleCrossAttn""#, "UNetMidBlock2DSimpleCrossAttn"),
        .unet("block_out_channels", "[]"),
        .unet("block_out_channels", "[16,-32]"),
        .unet("block_out_channels", "[16,1000000000000]"),
        .unet("layers_per_block", "0"),
        .unet("layers_per_block", "[2]"),
        .unet("attention_head_dim", "[4,3,2]"),
        .unet("attention_head_dim", "5", "16"),
        .unet("norm_num_groups", "0"),
        .unet("norm_num_groups", "\"eight\""),
        .unet("in_channels", "9"),
        .unet("act_fn", #""mish""#, "mish"),
        .unet("class_embed_type", #""timestep""#),
        .unet("addition_embed_type", #""text_time""#),
        .unet("resnet_time_scale_shift", #""scale_shift""#),
        .unet("time_embedding_type", #""fourier""#),
        .field("vae/config.json", "up_block_types", #"["UpDecoderBlock2D","AttnUpDecoderBlock2D"]"#, "up_block_types"),
        .field("vae/config.json", "scaling_factor", "0"),
        .field("model_index.json", "vae", #"["diffusers","VQModel"]"#, "VQModel"),
        .field("model_index.json", "unet", #"["diffusers","Transformer2DModel"]"#, "Transformer2DModel"),
        .field("text_encoder/config.json", "hidden_act", #""swiglu""#, "swiglu"),
        .field("text_encoder/config.json", "num_attention_heads", "5"),
        .field("text_encoder/config.json", "num_hidden_layers", "-1"),
        .field("scheduler/scheduler_config.json", "beta_schedule", #""sigmoid""#, "sigmoid"),
        .field("scheduler/scheduler_config.json", "prediction_type", #""flow""#, "flow"),
        .field("scheduler/scheduler_config.json", "num_train_timesteps", "0"),
        .field("scheduler/scheduler_config.json", "beta_start", #""small""#),
        BadFolder(
            .set(file: "scheduler/scheduler_config.json", field: "timestep_spacing", value: #""random""#), of: "tiny",
            mentions: "scheduler/scheduler_config.json", "timestep_spacing", "random"),
        BadFolder(
            .set(file: "vae/config.json", field: "num_decoder_blocks", value: "[1]"), of: "tiny",
            mentions: "vae/config.json", "decoder_block_out_channels"),
        // The error names the field that the change no longer fits.
        BadFolder(
            .set(file: "unet/config.json", field: "block_out_channels", value: "[16,30]"),
            mentions: "unet/config.json", "norm_num_groups", "30"),
        BadFolder(
            .set(file: "vae/config.json", field: "latent_channels", value: "16"),
            mentions: "unet/config.json", "in_channels", "16"),
        BadFolder(
            .unset(file: "unet/config.json", field: "cross_attention_dim"),
            mentions: "unet/config.json", "cross_attention_dim", "1280"),
        BadFolder(.unset(file: "text_encoder/config.json", field: "hidden_size"), mentions: "hidden_size", "512"),
        BadFolder(.unset(file: "model_index.json", field: "unet"), mentions: "model_index.json", "unet"),
    ]

    private static let files: [BadFolder] = [
        BadFolder(.remove("unet"), mentions: "unet/config.json"),
        BadFolder(.remove("vae/config.json"), mentions: "vae/config.json"),
        BadFolder(.remove("text_encoder/model.safetensors"), mentions: "text_encoder/model.safetensors"),
        BadFolder(.remove("tokenizer/vocab.json"), mentions: "tokenizer/vocab.json"),
        BadFolder(.remove("tokenizer/merges.txt"), mentions: "tokenizer/merges.txt"),
        BadFolder(.remove("scheduler"), mentions: "scheduler/scheduler_config.json"),
        BadFolder(.write(file: "unet/config.json", text: "{\"in_channels\": 4,"), mentions: "unet/config.json"),
        BadFolder(.write(file: "tokenizer/vocab.json", text: "[]"), mentions: "tokenizer/vocab.json"),
        BadFolder(.write(file: "tokenizer/vocab.json", text: "{\"a\":-1}"), mentions: "tokenizer/vocab.json"),
        BadFolder(.write(file: "tokenizer/vocab.json", text: "{\"a\":0,\"a\":1}"), mentions: "it is there twice"),
        BadFolder(.write(file: "tokenizer/vocab.json", text: "{\"a\":0}"), mentions: "tokenizer/vocab.json"),
        BadFolder(
            .write(file: "tokenizer/merges.txt", text: "#version: 0.2\nonly\n"), mentions: "tokenizer/merges.txt"),
    ]

    private static let tensors: [BadFolder] = [
        BadFolder(.dropTensor("conv_in.bias"), mentions: "conv_in.bias"),
        BadFolder(.dropTensor("time_embedding.cond_proj.weight"), mentions: "time_embedding.cond_proj.weight"),
        BadFolder(.putTensor("conv_in.weight", shape: [4, 16, 3, 3]), mentions: "conv_in.weight", "[16, 4, 3, 3]"),
        BadFolder(.putTensor("mid_block.extra.weight", shape: [1]), mentions: "mid_block.extra.weight"),
        BadFolder(
            .truncate(file: "unet/diffusion_pytorch_model.safetensors", byteCount: 5000),
            mentions: "unet/diffusion_pytorch_model.safetensors"),
        BadFolder(
            .truncate(file: "vae/diffusion_pytorch_model.safetensors", byteCount: 0),
            mentions: "vae/diffusion_pytorch_model.safetensors"),
    ]
}
