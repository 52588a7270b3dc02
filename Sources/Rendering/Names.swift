import Compute
import Diffusion
import Jobs

// A job's words and the engine's are two types, since neither target knows the other.

extension Sampler {
    init(_ name: SamplerName) {
        self =
            switch name {
            case .ddim: .ddim
            case .euler: .euler
            case .eulerAncestral: .eulerAncestral
            case .dpmSolver2M: .dpmSolver
            case .dpmSolver2MKarras: .dpmSolverKarras
            case .lcm: .lcm
            case .pndm: .pndm
            case .ddpm: .ddpm
            }
    }
}

extension SamplerName {
    init(_ sampler: Sampler) {
        self =
            switch sampler {
            case .ddim: .ddim
            case .euler: .euler
            case .eulerAncestral: .eulerAncestral
            case .dpmSolver: .dpmSolver2M
            case .dpmSolverKarras: .dpmSolver2MKarras
            case .lcm: .lcm
            case .pndm: .pndm
            case .ddpm: .ddpm
            }
    }
}

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
