import Models

extension PipelineDefaults {
    /// Reads what a folder's configurations suggest; no weights.
    public init(folder: ModelFolder) throws(ModelError) {
        let unet = try folder.config("unet")
        let vae = try folder.config("vae")
        guard case .array(let blocks)? = vae.members["block_out_channels"], 1...8 ~= blocks.count else {
            throw vae.refusal("block_out_channels", "it is not an array of 1 to 8 numbers")
        }
        let factor = 1 << (blocks.count - 1)
        let latents = try unet.integers("sample_size", count: 2, default: 64, in: 1...4096)
        let isLatentConsistency = folder.pipelineClass == "LatentConsistencyModelPipeline"
        self.init(
            width: latents[1] * factor, height: latents[0] * factor, steps: isLatentConsistency ? 4 : 50,
            guidanceScale: isLatentConsistency ? 8.5 : 7.5,
            sampler: try SchedulerConfiguration(folder).defaultSampler, sizeFactor: factor)
    }
}
