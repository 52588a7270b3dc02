import CEntries

/// One function of a table of kernels, alone: on one thread, on what fits its caches.
struct Entry {
    let name: String
    /// What its product multiplies: "fp32", "bf16" or "int8".
    let precision: String
    private let index: Int

    /// All entries of kernels.def.
    static var all: [Entry] {
        var all: [Entry] = []
        while let name = entry_name(all.count) {
            all.append(
                Entry(
                    name: String(cString: name), precision: String(cString: entry_precision(all.count)),
                    index: all.count))
        }
        return all
    }

    /// Runs the entry of the table `isa` `times` times and says how much work one run is.
    func run(_ isa: String, times: Int) -> (operations: Double, bytes: Double) {
        let work = entry_run(index, isa, times)
        return (work.operations / Double(times), work.bytes / Double(times))
    }
}
