import CKernels
import Glibc

/// The kernels of one instruction set that this CPU can run.
public struct KernelTable: Sendable {
    /// The name of the instruction set, as `kernels_init` knows it: "scalar", "avx2", "neon" ...
    public let name: String
    let functions: kernels

    /// The names of all tables that this CPU can run, "scalar" first, the best last.
    public static var available: [String] {
        var names: [String] = []
        while let name = kernels_isa(names.count) { names.append(String(cString: name)) }
        return names
    }

    /// The table of the given name.
    public init(named name: String) throws(ComputeError) {
        var functions = kernels()
        guard kernels_init(&functions, name) != nil else {
            throw .instructionSetUnavailable(name: name, available: KernelTable.available)
        }
        self.name = name
        self.functions = functions
    }

    /// Whether products of this precision have instructions of their own here. Without, they give the same numbers in the time
    /// of a wider precision, or longer.
    public func isNative(_ precision: WeightPrecision) -> Bool {
        switch precision {
        case .fp32: true
        case .bf16: name.contains("bf16") || name.contains("amx")
        case .int8, .int4: name != "scalar"
        }
    }

    /// Whether one instruction sums four products of bytes (VNNI, Arm's dot products). Without, products of bytes are summed as 16-bit
    /// integers first, and convolutions of 3x3 filters are faster in floats, by Winograd.
    public var hasByteDots: Bool { functions.has_byte_dots != 0 }

    /// The table that the environment's `LATENTD_ISA` names, or else the best of this CPU.
    public static func selected() throws(ComputeError) -> KernelTable {
        if let forced = getenv("LATENTD_ISA"), forced.pointee != 0 {
            return try KernelTable(named: String(cString: forced))
        }
        var functions = kernels()
        let name = kernels_init(&functions, nil)
        return KernelTable(name: name.map { String(cString: $0) } ?? "scalar", functions: functions)
    }

    private init(name: String, functions: kernels) {
        self.name = name
        self.functions = functions
    }
}
