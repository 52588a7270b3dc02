/// The way a job may ask its latents to be denoised; the raw value is the word in the job file.
public enum SamplerName: String, Codable, CaseIterable, Sendable {
    case ddim
    case euler
    case eulerAncestral = "euler-a"
    case dpmSolver2M = "dpm++2m"
    case dpmSolver2MKarras = "dpm++2m-karras"
    case lcm
    case pndm
    case ddpm
}
