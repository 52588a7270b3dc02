/// Where a picture's noise comes from.
public enum RandomSourceKind: String, Hashable, Sendable, CaseIterable, Codable {
    /// Our own: counter-based, the same bits on every CPU.
    case latentd
    /// The numbers of `torch.manual_seed(seed); torch.randn(...)` on a CPU, for comparison with diffusers.
    case torch
}
