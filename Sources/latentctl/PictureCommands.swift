import ArgumentParser
import Client

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Says how a picture was made, from the picture alone.",
        discussion: "With --job, prints a job file that makes the same picture again.")

    @Argument(help: ArgumentHelp("A picture of latentd's.", valueName: "file.webp"))
    var file: String

    @Flag(help: "Print the job file that makes it again.")
    var job = false

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        let picture = try PictureFile(path: file)
        try instance.printer.raw(job ? picture.job() : picture.report(json: instance.json))
    }
}

struct ViewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "view", abstract: "Shows a picture in the terminal, in coloured blocks.")

    @Argument(help: ArgumentHelp("A WebP picture.", valueName: "file.webp"))
    var file: String

    @Option(help: "Columns at most; the terminal's width without it.")
    var columns: Int?

    @OptionGroup var instance: InstanceOptions

    mutating func run() throws {
        try instance.printer.raw(PictureFile(path: file).preview(columns: columns))
    }

    func validate() throws {
        if let columns, !(1...1000).contains(columns) { throw ValidationError("--columns must be 1 to 1000") }
    }
}
