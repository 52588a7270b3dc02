import Diffusion
import Foundation
import Models
import Terms
import Testing

/// Which sampler a folder means, and what is said where latentd cannot do as it says.
struct SchedulerClassTests {
    private let betas: [String: Any] = [
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
    ]

    private func schedulers(index: String?, _ more: [String: Any] = [:]) throws -> SchedulerConfiguration {
        try SchedulerFolder.configuration(index: index, file: betas.merging(more) { $1 })
    }

    @Test(
        "A class that latentd lacks is refused by its name, and works with any sampler that a job names",
        arguments: [
            "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "DPMSolverSDEScheduler",
            "SASolverScheduler", "DPMSolverSinglestepScheduler", "DDIMParallelScheduler", "SomeLaterScheduler",
        ])
    func foreign(name: String) throws {
        for index in [name, nil] {
            let schedulers = try schedulers(
                index: index, ["_class_name": name, "skip_prk_steps": true, "algorithm_type": "dpmsolver++"])
            let error = #expect(throws: ModelError.self) { try schedulers.defaultSampler() }
            let text = try #require(error?.description)
            #expect(text.contains(index == nil ? "scheduler_config.json" : "model_index.json"), "\(text)")
            #expect(
                text.contains(index == nil ? "'_class_name'" : "'scheduler'") && text.contains("'\(name)'"), "\(text)")
            #expect(text.contains("EulerDiscreteScheduler") && text.contains("\"sampler\""), "\(text)")
            #expect(try schedulers.samplers() == Sampler.allCases)
            for sampler in Sampler.allCases {
                #expect(try schedulers.plan(sampler, steps: 4).timesteps.count >= 4, "\(sampler)")
            }
        }
    }

    @Test("What only the solvers SASolver and DEIS call their algorithms does not keep DPM-Solver++ away")
    func ownWords() throws {
        for (name, words) in [
            ("SASolverScheduler", ["algorithm_type": "data_prediction"]),
            ("DEISMultistepScheduler", ["algorithm_type": "deis", "solver_type": "logrho"]),
            ("UniPCMultistepScheduler", ["solver_type": "bh2"]),
        ] {
            #expect(try schedulers(index: name, words).samplers().contains("dpm++2m"), "\(name)")
        }
    }

    @Test(
        "A model for another kind of noise is refused with every sampler",
        arguments: [
            ("EDMEulerScheduler", "sigma_data"), ("EDMDPMSolverMultistepScheduler", "sigma_data"),
            ("CosineDPMSolverMultistepScheduler", "sigma_data"), ("FlowMatchEulerDiscreteScheduler", "shift"),
            ("CMStochasticIterativeScheduler", "sigma_data"), ("ScoreSdeVeScheduler", "snr"),
            ("IPNDMScheduler", nil), ("CogVideoXDDIMScheduler", "snr_shift_scale"),
            ("SomeLaterScheduler", "sigma_data"),
        ])
    func otherNoise(name: String, field: String?) throws {
        var file: [String: Any] = ["_class_name": name, "num_train_timesteps": 1000, "prediction_type": "epsilon"]
        if let field { file[field] = 0.5 }
        let schedulers = try SchedulerFolder.configuration(index: name, file: file)
        for sampler in Sampler.allCases {
            let error = #expect(throws: DiffusionError.self) { try schedulers.plan(sampler, steps: 4) }
            let text = try #require(error?.description)
            #expect(text.contains("model_index.json") && text.contains(name) && text.contains(field ?? name), "\(text)")
        }
        #expect(throws: ModelError.self) { try schedulers.samplers() }
        #expect(throws: ModelError.self) { try schedulers.defaultSampler() }
    }

    @Test("Of two names the one of the index counts")
    func index() throws {
        #expect(
            try schedulers(index: "DPMSolverMultistepScheduler", ["_class_name": "DDIMScheduler"]).defaultSampler()
                == "dpm++2m")
        #expect(
            try schedulers(index: "EulerDiscreteScheduler", ["_class_name": "SASolverScheduler"])
                .defaultSampler() == "euler")
        #expect(
            try schedulers(
                index: "DPMSolverMultistepScheduler", ["_class_name": "PNDMScheduler", "use_karras_sigmas": true]
            ).defaultSampler() == "dpm++2m-karras")
        #expect(throws: ModelError.self) {
            try schedulers(index: "SASolverScheduler", ["_class_name": "DDIMScheduler"]).defaultSampler()
        }
        #expect(try schedulers(index: nil, ["_class_name": "DDPMScheduler"]).defaultSampler() == "ddpm")
        #expect(throws: ModelError.self) { try schedulers(index: nil).defaultSampler() }
    }

    @Test(
        "A value that a sampler never reads does not keep it away; one that it reads and cannot do is refused by name")
    func values() throws {
        func refusal(_ sampler: Sampler, _ field: String, _ value: Any, _ more: [String: Any] = [:]) throws -> String? {
            let all = more.merging([field: value]) { $1 }
            do throws(DiffusionError) {
                _ = try schedulersOrFail(all).plan(sampler, steps: 5)
                return nil
            } catch {
                return error.description
            }
        }
        for type in ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "anything"] {
            for sampler in ["dpm++2m", "dpm++2m-karras", "ddim", "euler", "pndm", "lcm"] as [Sampler] {
                #expect(try refusal(sampler, "variance_type", type) == nil)
            }
        }
        for type in ["learned", "learned_range"] {
            #expect(try refusal("dpm++2m", "variance_type", type)?.contains("variance_type") == true)
            #expect(try refusal("dpm++2m", "variance_type", type, ["prediction_type": "v_prediction"]) == nil)
            #expect(try refusal("ddpm", "variance_type", type)?.contains("variance_type") == true)
            #expect(try refusal("ddim", "variance_type", type) == nil)
        }
        let unread: [(String, Any)] = [
            ("sample_max_value", -1), ("dynamic_thresholding_ratio", "x"), ("clip_sample_range", NSNull()),
            ("predict_x0", false), ("disable_corrector", [1]), ("trained_betas", NSNull()), ("flow_shift", 3),
            ("use_dynamic_shifting", true), ("time_shift_type", "linear"), ("lambda_min_clipped", -Double.infinity),
            ("noise_sampler_seed", 4), ("eta", 1), ("steps", "x"),
        ]
        for (field, value) in unread {
            for sampler in Sampler.allCases {
                #expect(try refusal(sampler, field, value, ["clip_sample": false]) == nil, "\(field), \(sampler)")
            }
        }
        for (field, value) in [
            ("algorithm_type", "sde-dpmsolver++"), ("solver_type", "rk4"), ("final_sigmas_type", "max"),
        ] {
            #expect(try refusal("dpm++2m", field, value)?.contains(field) == true)
            for sampler in ["ddim", "euler-a", "lcm", "pndm", "ddpm"] as [Sampler] {
                #expect(try refusal(sampler, field, value) == nil)
            }
        }
        for field in ["use_exponential_sigmas", "use_beta_sigmas"] {
            #expect(try refusal("dpm++2m", field, true)?.contains(field) == true)
            #expect(try refusal("euler", field, true)?.contains(field) == true)
            #expect(try refusal("ddim", field, true) == nil)
        }
        #expect(try refusal("ddim", "thresholding", true)?.contains("thresholding") == true)
        #expect(try refusal("euler", "thresholding", true) == nil)
        #expect(try refusal("pndm", "prediction_type", "sample")?.contains("prediction_type") == true)
        #expect(try refusal("pndm", "skip_prk_steps", false) == nil)
        #expect(try refusal("ddim", "trained_betas", [0.1, 0.2])?.contains("trained_betas") == true)
    }

    private func schedulersOrFail(_ more: [String: Any]) throws(DiffusionError) -> SchedulerConfiguration {
        do { return try schedulers(index: "DDIMScheduler", more) } catch { throw .stopped(error) }
    }

    @Test("PNDM asks the network once more than it takes steps, and with Runge-Kutta nine times, from four steps on")
    func evaluations() throws {
        let plms = try schedulers(index: "PNDMScheduler", ["skip_prk_steps": true])
        #expect(try !plms.runsRungeKutta() && plms.plan("pndm", steps: 1).timesteps.count == 1)
        #expect(try plms.plan("pndm", steps: 4).timesteps == [751, 501, 501, 251, 1])
        let whole = try schedulers(index: "PNDMScheduler")
        #expect(try whole.runsRungeKutta() && whole.leastSteps("pndm") == 4 && whole.leastSteps("ddim") == 1)
        #expect(try whole.plan("pndm", steps: 10).timesteps.count == 19)
        let error = #expect(throws: DiffusionError.self) { try whole.plan("pndm", steps: 3) }
        guard case .setting("steps", _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
