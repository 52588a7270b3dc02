import Compute
import Diffusion
import Jobs
import Models
import Planner

/// A diffusers folder about to become a smaller model, or about to be measured for that.
public struct ModelImport: Sendable {
    /// What to import, and how.
    public struct Options: Sendable {
        /// The diffusers folder.
        public var source: String
        /// What its weights are rounded to.
        public var precision: Precision
        /// A file of rules about which tensors stay wider; nil for the source's own, or the standard ones.
        public var rules: String?
        /// Files of LoRAs that are added to the weights: `FILE`, or `FILE=SCALE`.
        public var loras: [String]
        /// The new model's name; nil for the source's, those of the LoRAs' files, and the precision.
        public var name: String?
        /// The folder of model folders in which it appears.
        public var output: String
        /// Replace a model of that name.
        public var replaces: Bool
        /// Threads that compute; 0 leaves it to the host.
        public var threads: Int
        /// The version of latentd, for the manifest.
        public var version: String

        /// Names them all.
        public init(
            source: String, precision: Precision, rules: String? = nil, loras: [String] = [], name: String? = nil,
            output: String,
            replaces: Bool = false, threads: Int = 0, version: String
        ) {
            self.source = source
            self.precision = precision
            self.rules = rules
            self.loras = loras
            self.name = name
            self.output = output
            self.replaces = replaces
            self.threads = threads
            self.version = version
        }
    }

    /// What an import made.
    public struct Imported: Sendable, Encodable {
        /// The new folder.
        public let path: String
        /// Bytes of the weights, before.
        public let sourceBytes: Int
        /// Bytes of the weights, now.
        public let bytes: Int

        enum CodingKeys: String, CodingKey {
            case path, bytes
            case sourceBytes = "source_bytes"
        }
    }

    /// A layer, and what rounding it alone does to the UNet's answers.
    public typealias Layer = Sensitivity.Layer

    private let folder: ModelFolder
    private let rules: PrecisionRules
    private let options: Options
    private let threads: Int
    private let precision: WeightPrecision

    /// Reads the source's configurations and the rules.
    public init(_ options: Options) throws(RenderingError) {
        guard let precision = WeightPrecision(rawValue: options.precision.rawValue) else {
            preconditionFailure("both lists of precisions have the same names")
        }
        self.options = options
        self.precision = precision
        threads = try Renderer.hostProfile(threads: options.threads).threads
        do throws(ModelError) {
            folder = try ModelFolder(path: options.source)
            rules =
                if let file = options.rules { try PrecisionRules(file: file, for: folder.form) } else {
                    try folder.precisionRules()
                }
        } catch {
            throw .importing(error)
        }
    }

    /// Imports; `observer` is told of the component and the share that is done, on this thread.
    public func run(observer: (_ component: String, _ fraction: Double) -> Void) throws(RenderingError) -> Imported {
        let pool: ThreadPool
        do throws(ComputeError) { pool = try ThreadPool(threads: threads) } catch { throw .host(error) }
        do throws(ModelError) {
            let result = try importer(pool).run { progress in
                observer(progress.component, Double(progress.doneBytes) / Double(max(progress.totalBytes, 1)))
            }
            return Imported(path: result.path, sourceBytes: result.sourceBytes, bytes: result.bytes)
        } catch {
            throw .importing(error)
        }
    }

    /// Removes what `run` has written so far on another thread, which is not to go on: it fails.
    public func discard() { importer(nil).discard() }

    private func importer(_ pool: ThreadPool?) -> Importer {
        Importer(
            folder,
            .init(
                output: options.output, name: options.name ?? name, precision: precision, rules: rules,
                loras: options.loras, replaces: options.replaces, tool: "latentd \(options.version)"),
            pool: pool)
    }

    /// `sd15-int8`; `sd15-style-int8` with the LoRA `style.safetensors`.
    private var name: String {
        ([folder.name] + options.loras.map(LoRA.title) + [precision.rawValue]).joined(separator: "-")
    }

    /// Ranks the UNet's layers, the worst first; `observer` is told of each as it is measured.
    public func rankLayers(
        limit: Int?, observer: (_ layer: Layer, _ number: Int, _ count: Int) -> Void
    ) throws(RenderingError) -> [Layer] {
        do throws(DiffusionError) {
            let sensitivity = try Sensitivity(folder, .init(precision: precision, limit: limit, threads: threads))
            return try sensitivity.run(observer: observer)
        } catch {
            throw RenderingError(error)
        }
    }
}
