import Compute
import Diffusion
import Testing

/// One component run on a golden file's inputs, every block's result kept.
final class GoldenComparison {
    let golden: GoldenTensors
    private let component: String
    private let context: Context
    private var results: [String: [Float]] = [:]

    /// - Parameter component: the prefix of the tensors' names: `text`, `unet` or `vae`.
    init(_ blocks: GoldenIndex.Blocks, _ component: String, table: String) throws {
        golden = try GoldenTensors(blocks.file)
        self.component = component
        context = try Context(
            arena: Arena(capacity: 256 << 20), pool: ThreadPool(threads: 2), table: KernelTable(named: table))
    }

    /// Keeps what the component's blocks tell.
    var evaluation: Evaluation {
        Evaluation(context) { [unowned self] path, result in results[path] = result.array() }
    }

    /// The input `name`, channels last.
    func input(_ name: String) throws -> Tensor {
        let shape = try golden.shape("\(component).in.\(name)")
        let values = try golden.channelsLast("\(component).in.\(name)")
        switch shape.count {
        case 4: return context.tensor(Shape(n: shape[0], h: shape[2], w: shape[3], c: shape[1]), values)
        case 3: return context.tensor(Shape(batch: shape[0], tokens: shape[1], channels: shape[2]), values)
        default: return context.tensor(Shape(batch: shape[0], tokens: 1, channels: shape[1]), values)
        }
    }

    /// A result, channels first.
    func channelsFirst(_ tensor: Tensor) -> [Float] { context.channelsFirst(tensor) }

    /// Expects a result for every golden output of the component but `absent`, close to the reference.
    func expectAll(except absent: Set<String> = [], tolerance: Double) throws {
        let prefix = "\(component).out."
        for name in golden.names where name.hasPrefix(prefix) && !absent.contains(name) {
            let path = String(name.dropFirst(prefix.count))
            let values = try #require(results[path], "\(path) was not computed")
            expectClose(values, try golden.channelsLast(name), tolerance: tolerance, name)
        }
    }
}
