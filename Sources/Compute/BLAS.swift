import COpenBLAS
import Synchronization

/// OpenBLAS, loaded once in this process with one thread and the kernels that suit the kernel table in use.
///
/// Its matrix product runs inside our own parallel loop, a block of the result a call: the blocks follow from the shape alone, so
/// results do not depend on the thread count, and no second pool of threads spins beside ours.
public struct BLAS: Sendable {
    let functions: openblas

    /// The library, loaded at the first call. Call it early in `main`: it changes this process's environment.
    ///
    /// - Parameter core: the name of the kernels that an operator wants; counts at the first call only. nil: as this CPU needs.
    public static func shared(core: String? = nil) throws(ComputeError) -> BLAS {
        let result = loaded.withLock { loaded in
            let result = loaded ?? Result { () throws(ComputeError) in try BLAS(core: core) }
            loaded = result
            return result
        }
        return try result.get()
    }

    /// The name of the kernels in use: "SkylakeX", "Haswell" ...
    public var coreName: String { functions.corename().map { String(cString: $0) } ?? "unknown" }

    /// Version and build options, as the library states them.
    public var configuration: String { functions.configuration().map { String(cString: $0) } ?? "unknown" }

    /// The memory that the library touches for packing when `threads` threads call it, and keeps, in bytes: measured with the largest
    /// text encoder, since it follows from the largest block of a `Grid`.
    public static func workspaceBytes(threads: Int) -> Int { threads << 20 }

    private static let loaded = Mutex<Result<BLAS, ComputeError>?>(nil)

    private init(core: String?) throws(ComputeError) {
        let table = try KernelTable.selected().name
        var functions = openblas()
        if let reason = openblas_load(&functions, core ?? BLAS.core(for: table)) {
            throw .openBLASMissing(reason: String(cString: reason))
        }
        self.functions = functions
    }

    /// OpenBLAS's name for the CPUs of a kernel table; nil lets the library detect the CPU, which it does well where there is
    /// no wide vector unit to miss. A forced table gets the kernels of its own instruction set.
    private static func core(for table: String) -> String? {
        switch table {
        case _ where table.hasPrefix("avx512"): "SkylakeX"
        case "avx2": "Haswell"
        case "scalar" where KernelTable.available.contains("avx2"): "Prescott"
        default: nil
        }
    }

    /// `c = a b^T`, row-major: `[m, k] [n, k]`, leading dimensions in elements.
    func product(
        _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ a: UnsafePointer<Float>, _ aStride: Int,
        _ b: UnsafePointer<Float>, _ bStride: Int, m: Int, n: Int, k: Int
    ) {
        if m == 1 {
            functions.sgemv(CblasRowMajor, CblasNoTrans, Int32(n), Int32(k), 1, b, Int32(bStride), a, 1, 0, c, 1)
        } else {
            functions.sgemm(
                CblasRowMajor, CblasNoTrans, CblasTrans, Int32(m), Int32(n), Int32(k), 1, a, Int32(aStride), b,
                Int32(bStride), 0, c, Int32(cStride))
        }
    }
}
