// Times every operation of Compute at the shapes of shapes.txt beside the peak of the same threads, measured between them.
//
//     kernels [--threads N] [--isa NAME] [--shapes FILE] [--only WORD] [--json]
import CPeak
import Compute
import Foundation

struct Options {
    var threads = ProcessInfo.processInfo.activeProcessorCount
    var isa: String?
    var shapes = Bundle.module.url(forResource: "shapes", withExtension: "txt")?.path ?? "shapes.txt"
    var only = ""
    var json = false

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            if option == "--json" {
                json = true
                continue
            }
            guard let value = rest.popFirst() else { throw Usage() }
            switch option {
            case "--threads":
                guard let count = Int(value), count > 0 else { throw Usage() }
                threads = count
            case "--isa": isa = value
            case "--shapes": shapes = value
            case "--only": only = value
            default: throw Usage()
            }
        }
    }

    struct Usage: Error, CustomStringConvertible {
        let description = "usage: kernels [--threads N] [--isa NAME] [--shapes FILE] [--only WORD] [--json]"
    }
}

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

/// Operations a second of all threads' registers.
func peak(_ pool: ThreadPool, _ isa: String) -> Double {
    let each = 5e8
    return 4 * Double(pool.threads) * each
        / seconds(pool) { pool.parallelFor(4 * pool.threads) { _ in _ = peak_run(isa, each) } }
}

func measure(_ layer: Layer, _ pool: ThreadPool, _ table: KernelTable) throws -> Measurement {
    let dry = try Context(arena: Arena(), pool: pool, table: table)
    layer.prepare(dry)()
    let context = try Context(arena: Arena(capacity: dry.arena.peakBytes), pool: pool, table: table)
    let body = layer.prepare(context)
    body()
    let time = seconds(pool, body), top = peak(pool, table.name)
    return Measurement(
        operation: layer.operation, name: layer.name, milliseconds: time * 1e3,
        gigaflops: layer.operations > 0 ? layer.operations / time * 1e-9 : nil,
        percentOfPeak: layer.operations > 0 ? layer.operations / time / top * 100 : nil,
        gigabytesPerSecond: layer.bytes > 0 ? layer.bytes / time * 1e-9 : nil)
}

func run() throws {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    let table = try options.isa.map { try KernelTable(named: $0) } ?? KernelTable.selected()
    if let isa = options.isa { setenv("LATENTD_ISA", isa, 1) }
    let pool = try ThreadPool(threads: options.threads)
    let lines = try String(contentsOfFile: options.shapes, encoding: .utf8).split(separator: "\n")
    let chosen = lines.filter { options.only.isEmpty || $0.contains(options.only) }
    let layers = try chosen.compactMap { try Layer(line: $0) }
    let core = try BLAS.shared().coreName, top = peak(pool, table.name) * 1e-9
    if !options.json {
        print("\(table.name), OpenBLAS \(core), \(options.threads) threads, peak \(Int(top)) GFLOP/s")
    }
    var all: [Measurement] = []
    for layer in layers {
        let result = try measure(layer, pool, table)
        all.append(result)
        if options.json { continue }
        let rate = result.gigaflops.map { String(format: "%8.0f GFLOP/s %4.0f %%", $0, result.percentOfPeak ?? 0) }
        let memory = result.gigabytesPerSecond.map { String(format: "%8.1f GB/s", $0) }
        let name = "\(layer.operation) \(layer.name)".padding(toLength: 40, withPad: " ", startingAt: 0)
        print(name, String(format: "%9.3f ms", result.milliseconds), rate ?? memory ?? "")
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
