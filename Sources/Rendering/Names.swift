import Compute
import Diffusion
import Jobs

// A job's words and the engine's are two types, since neither target knows the other.

extension WeightPrecision {
    init(_ precision: Precision) {
        self =
            switch precision {
            case .int4: .int4
            case .int8: .int8
            case .bf16: .bf16
            case .fp32: .fp32
            }
    }
}

extension RandomSourceKind {
    init(_ name: RandomSourceName) {
        self =
            switch name {
            case .latentd: .latentd
            case .torch: .torch
            }
    }
}
