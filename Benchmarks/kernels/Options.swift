import Compute
import Foundation

/// What the command line asks for.
struct Options {
    var threads = ProcessInfo.processInfo.activeProcessorCount
    var isa: String?
    var shapes = Bundle.module.url(forResource: "shapes", withExtension: "txt")?.path ?? "shapes.txt"
    var only = ""
    var precision: WeightPrecision?
    var entries = false
    var json = false

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            switch option {
            case "--json": json = true
            case "--entries": entries = true
            default:
                guard let value = rest.popFirst() else { throw Usage() }
                try set(option, to: value)
            }
        }
    }

    private mutating func set(_ option: String, to value: String) throws {
        switch option {
        case "--threads":
            guard let count = Int(value), count > 0 else { throw Usage() }
            threads = count
        case "--precision":
            guard let precision = WeightPrecision(rawValue: value) else { throw Usage() }
            self.precision = precision
        case "--isa": isa = value
        case "--shapes": shapes = value
        case "--only": only = value
        default: throw Usage()
        }
    }

    struct Usage: Error, CustomStringConvertible {
        let description = """
            usage: kernels [--threads N] [--isa NAME] [--precision fp32|bf16|int8|int4] [--shapes FILE] [--only WORD] [--json]
                   kernels --entries [--isa NAME] [--only WORD] [--json]
            """
    }
}
