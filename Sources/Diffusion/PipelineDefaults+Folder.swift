import Models

extension PipelineDefaults {
    /// Reads what a folder's configurations suggest; no weights.
    public init(folder: ModelFolder) throws(ModelError) {
        let unet = try folder.config("unet")
        let vae = try folder.config("vae")
        // AutoencoderTiny keeps the two halves apart.
        let field = vae.has("block_out_channels") ? "block_out_channels" : "decoder_block_out_channels"
        let blocks = try vae.integers(field)
        guard 1...8 ~= blocks.count else { throw vae.refusal(field, "it has \(blocks.count) elements, not 1 to 8") }
        let factor = 1 << (blocks.count - 1)
        let latents = try unet.integers("sample_size", count: 2, default: 64, in: 1...4096)
        let isLatentConsistency = folder.pipelineClass == "LatentConsistencyModelPipeline"
        self.init(
            width: latents[1] * factor, height: latents[0] * factor, steps: isLatentConsistency ? 4 : 50,
            guidanceScale: isLatentConsistency ? 8.5 : 7.5,
            sampler: try SchedulerConfiguration(folder).defaultSampler, sizeFactor: factor)
    }
}
