// Times every operation of Compute at the shapes of shapes.txt, or every entry of a table of kernels, beside the peak of the same threads,
// measured between them.
import CPeak
import Compute
import Foundation

struct Measurement: Encodable {
    let operation: String
    let name: String
    let milliseconds: Double
    let gigaflops: Double?
    let percentOfPeak: Double?
    let gigabytesPerSecond: Double?
}

/// Seconds on the wall, or of this thread alone where it computes alone: then a busy machine does not matter.
func now(_ pool: ThreadPool) -> Double {
    var time = timespec()
    clock_gettime(pool.threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The best time of `body` in at least `rounds` rounds and 0.2 seconds.
func seconds(_ pool: ThreadPool, rounds: Int = 3, _ body: () -> Void) -> Double {
    var best = Double.infinity, sum = 0.0, round = 0
    while round < rounds || (sum < 0.2 && round < 1000) {
        let start = now(pool)
        body()
        let time = now(pool) - start
        best = min(best, time)
        sum += time
        round += 1
    }
    return best
}

/// Operations a second of all threads' registers, by the instructions that a product of this precision uses.
func peak(_ pool: ThreadPool, _ isa: String, _ precision: String) -> Double {
    let each = 5e8
    return 4 * Double(pool.threads) * each
        / seconds(pool) { pool.parallelFor(4 * pool.threads) { _ in _ = peak_run(isa, precision, each) } }
}

extension Measurement {
    init(_ operation: String, _ name: String, seconds: Double, operations: Double, bytes: Double, peak: Double) {
        self.init(
            operation: operation, name: name, milliseconds: seconds * 1e3,
            gigaflops: operations > 0 ? operations / seconds * 1e-9 : nil,
            percentOfPeak: operations > 0 ? operations / seconds / peak * 100 : nil,
            gigabytesPerSecond: bytes > 0 ? bytes / seconds * 1e-9 : nil)
    }

    /// A line of the table.
    var line: String {
        let rate = gigaflops.map { String(format: "%8.0f GFLOP/s %4.0f %%", $0, percentOfPeak ?? 0) }
        let memory = gigabytesPerSecond.map { String(format: "%8.1f GB/s", $0) }
        let label = "\(operation) \(name)".padding(toLength: 40, withPad: " ", startingAt: 0)
        let time =
            milliseconds < 0.1
            ? String(format: "%9.3f us", milliseconds * 1e3) : String(format: "%9.3f ms", milliseconds)
        return "\(label) \(time) \(rate ?? memory ?? "")"
    }
}

func measure(_ layer: Layer, _ precision: WeightPrecision?, _ pool: ThreadPool, _ table: KernelTable) throws
    -> Measurement
{
    let dry = try Context(arena: Arena(), pool: pool, table: table)
    layer.prepare(dry, precision)()
    let context = try Context(arena: Arena(capacity: dry.arena.peakBytes), pool: pool, table: table)
    let body = layer.prepare(context, precision)
    body()
    let time = seconds(pool, body)
    let multiplied = layer.hasWeights ? precision ?? .fp32 : .fp32
    let top = peak(pool, table.name, multiplied == .int4 ? "int8" : multiplied.rawValue)
    return Measurement(
        layer.operation, layer.name, seconds: time, operations: layer.operations, bytes: layer.bytes, peak: top)
}

func measure(_ entry: Entry, _ pool: ThreadPool, _ table: KernelTable) -> Measurement {
    let work = entry.run(table.name, times: 1), times = 20
    let time = seconds(pool, rounds: 20) { _ = entry.run(table.name, times: times) } / Double(times)
    return Measurement(
        table.name, entry.name, seconds: time, operations: work.operations, bytes: work.bytes,
        peak: work.operations > 0 ? peak(pool, table.name, entry.precision) : 1)
}

func run() throws {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    let table = try options.isa.map { try KernelTable(named: $0) } ?? KernelTable.selected()
    if let isa = options.isa { setenv("LATENTD_ISA", isa, 1) }
    let pool = try ThreadPool(threads: options.entries ? 1 : options.threads)
    var all: [Measurement] = []
    func add(_ result: Measurement) {
        all.append(result)
        if !options.json { print(result.line) }
    }
    func isChosen(_ line: some StringProtocol) -> Bool { options.only.isEmpty || line.contains(options.only) }

    if !options.json {
        let core = try BLAS.shared().coreName,
            top = peak(pool, table.name, options.precision?.rawValue ?? "fp32") * 1e-9
        print("\(table.name), OpenBLAS \(core), \(pool.threads) threads, peak \(Int(top)) GFLOP/s")
    }
    if options.entries {
        for entry in Entry.all where isChosen(entry.name) { add(measure(entry, pool, table)) }
    } else {
        let lines = try String(contentsOfFile: options.shapes, encoding: .utf8).split(separator: "\n")
        for layer in try lines.filter({ isChosen($0) }).compactMap({ try Layer(line: $0) })
        where options.precision == nil || layer.hasWeights {
            add(try measure(layer, options.precision, pool, table))
        }
    }
    if options.json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(all), as: UTF8.self))
    }
}

do {
    try run()
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(64)
}
