import ArgumentParser

/// Measures what a decode and a whole job take under limits, and whether they keep them.
@main
struct Memory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "Decodes and draws under limits of memory: planned and measured peak, time, and difference.",
        discussion: """
            swift run -c release --package-path Benchmarks memory sweep models/emoji --sizes 512 --limits 96 128

            Each measurement is a process of its own; with --groups it is in a control group of its limit without swap, which \
            kills what goes beyond (as root).
            """,
        subcommands: [Sweep.self, Jobs.self, Soak.self, DecodeTask.self, JobTask.self])
}
