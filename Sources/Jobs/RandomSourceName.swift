/// Where a job's noise comes from; the raw value is the word in the job file.
public enum RandomSourceName: String, Codable, CaseIterable, Sendable {
    /// Our counter-based generator: the same bits on every host.
    case latentd
    /// The numbers of `torch.manual_seed(seed); torch.randn(...)` on a CPU, for comparing with diffusers.
    case torch
}
