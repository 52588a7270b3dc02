import Compute
import Models

/// One part of the way to a picture: what it is called, which network it loads, and what running that takes.
///
/// ## Easy to get wrong
/// A tensor's memory returns when the compiler lets the last copy go, which may differ between two inlined copies of the same
/// code. What both `measure` and the real run of a stage call is therefore never inlined: one machine code, one peak.
protocol Stage: AnyObject {
    associatedtype Network: StageNetwork

    var name: StageName { get }
    var slot: Slot<Network> { get }

    /// Whether a picture goes through it.
    func isNeeded(for settings: GenerationSettings) -> Bool

    /// The most bytes of lists that it keeps beside its arena.
    func listBytes(_ settings: GenerationSettings) -> Int

    /// Runs as a whole with no values, in an arena that only measures.
    func measure(_ network: Network, _ settings: GenerationSettings, _ evaluation: Evaluation)
}

extension Stage {
    func isNeeded(for settings: GenerationSettings) -> Bool { true }

    /// The weights of its network, as far as that is loaded.
    var weights: WeightBytes? { slot.network?.weightBytes }

    func unload() { slot.unload() }

    /// Takes its weights out of memory: mapped ones come back when they are read, others are loaded again.
    func letGo() {
        guard let weights else { return }
        if weights.prepared == 0 { weights.map.discardFiles() } else { slot.unload() }
    }
}

/// A stage that can run in bands of rows, where it does not fit as a whole.
protocol BandedStage: Stage {
    /// The fastest bands within `limitBytes` of memory: arena and mapped weights.
    ///
    /// - Parameter usesScratch: whether a scratch file may be used.
    /// - Throws: `DiffusionError.insufficientMemory` with the least that would do.
    func bands(
        _ settings: GenerationSettings, limitBytes: Int, usesScratch: Bool, pool: ThreadPool
    ) throws(DiffusionError) -> BoundedPlan
}

/// A network whose weights come from a model's files.
protocol StageNetwork {
    var weightBytes: WeightBytes { get }
}

extension TextEncoder: StageNetwork {}
extension Encoder: StageNetwork {}
extension UNet: StageNetwork {}
extension Decoder: StageNetwork {}

/// Where the networks of a pipeline come from, and how their weights are prepared.
final class NetworkSource {
    let folder: ModelFolder
    var preparation: Preparation

    init(_ folder: ModelFolder, _ preparation: Preparation) {
        self.folder = folder
        self.preparation = preparation
    }
}

/// A place for a network, which may be empty. What is loaded again must be of the files that it was of before.
final class Slot<Network: StageNetwork> {
    private let source: NetworkSource
    private let load: (ModelFolder, Preparation) throws(ModelError) -> Network
    private(set) var network: Network?
    /// The checkpoint's state when it was loaded first.
    private var state: String?

    init(_ source: NetworkSource, load: @escaping (ModelFolder, Preparation) throws(ModelError) -> Network) {
        self.source = source
        self.load = load
    }

    /// The network, loaded if it was not.
    func loaded() throws(DiffusionError) -> Network {
        if let network { return network }
        do throws(ModelError) {
            let loaded = try load(source.folder, source.preparation), found = loaded.weightBytes.state
            if let state, state != found { throw .changed(file: source.folder.path) }
            (network, state) = (loaded, found)
            return loaded
        } catch .stopped {
            throw .stopped(source.preparation.stop?.reason ?? ModelError.stopped)
        } catch {
            throw .model(error)
        }
    }

    func unload() { network = nil }
}

/// What a stage of a picture is called: in plans, records and errors, which know no more of it.
public struct StageName: RawRepresentable, Hashable, Sendable, Codable {
    /// As records have it.
    public let rawValue: String

    /// A stage's name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The prompt becomes embeddings; a second encoder of a model has the name of its own folder.
    public static let textEncoder = StageName(rawValue: "text_encoder")
    /// The picture that the job begins with becomes latents; only where there is one.
    public static let encoder = StageName(rawValue: "encoder")
    /// The steps from noise to latents.
    public static let unet = StageName(rawValue: "unet")
    /// Latents become pixels.
    public static let decoder = StageName(rawValue: "decoder")
}
