import ArgumentParser
import Client
import Varlink

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Says how a job would be done here, how long it would take, and why.")

    @OptionGroup var job: JobOptions
    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        for request in try job.source.jobs() {
            let parameters = PlanJob.Parameters(job: request.json)
            let plan = try instance.daemon.call(PlanJob.self, parameters, timeoutSeconds: 0).plan
            try instance.printer.result(plan, text: plan.details)
        }
    }
}

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "The models that this instance has, and what is wrong with those it cannot use.")

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        let models = try instance.daemon.call(Models.self, Nothing()).models
        try instance.printer.result(models, text: modelTable(models))
    }
}

struct CalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate", abstract: "Measures a model, or all of them, on this host now.")

    @Argument(help: "The model; all of them without it.")
    var model: String?

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        let parameters = Calibrate.Parameters(model: model)
        let calibrations = try instance.daemon.call(Calibrate.self, parameters, timeoutSeconds: 0).calibrations
        try instance.printer.result(calibrations, text: calibrationTable(calibrations))
    }
}
