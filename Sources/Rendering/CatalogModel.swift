import Compute
import Diffusion
import Glibc
import Jobs
import Models
import Planner

/// A model folder that can be used.
public struct CatalogModel: Sendable {
    /// Where its files are.
    public let folder: ModelFolder
    /// What a plan has to know of it.
    public let facts: ModelFacts
    /// Its title for people, if its manifest has one.
    public let title: String?
    /// Its licence, if its manifest says.
    public let licence: String?
    /// Whether the folder has a manifest of ours.
    public let hasManifest: Bool
    /// The bytes of all its files.
    public let byteCount: Int
    /// The files that decide what it draws, and their states when it was opened.
    private let files: [(path: String, state: FileState)]

    /// Whether the files' sizes and dates are still those that it was opened with.
    var isCurrent: Bool { files.allSatisfy { FileState($0.path) == $0.state } }

    /// Reads the configurations of the folder at `path`; no weights but the headers of their files.
    public init(path: String) throws(ModelError) {
        let folder = try ModelFolder(path: path)
        self.folder = folder
        let recipe = try Recipe(folder), defaults = recipe.defaults
        let files = try folder.files()
        var identity = "\(folder.name)\n"
        var byteCount = 0
        var states: [(String, FileState)] = []
        let manifest = (ModelManifest.fileName, folder.manifestFile)
        for (name, path) in files.map({ ($0, folder.location($0)) }) + [manifest] {
            let state = FileState(path)
            identity += "\(name) \(state.size) \(state.modifiedNanoseconds)\n"
            byteCount += state.size
            states.append((path, state))
        }
        self.files = states
        self.byteCount = byteCount
        let factor = defaults.sizeFactor
        var facts = ModelFacts(
            name: folder.name, family: recipe.family, group: folder.name,
            identity: Array(identity.utf8).withUnsafeBytes { SHA256.hexadecimal($0) },
            defaults: .init(
                width: defaults.width, height: defaults.height, steps: defaults.steps,
                guidanceScale: Double(defaults.guidanceScale), sampler: defaults.sampler),
            // Weights are narrowed when they are prepared: a folder can be run at every precision.
            steps: [], precisions: Precision.allCases.sorted(by: >),
            sizes: .init(minimum: factor, maximum: 16383 / factor * factor, multiple: factor),
            guidance: recipe.isGuidanceEmbedded ? .embedded : .classifierFree)
        facts.samplerProblem = defaults.samplerProblem?.description
        facts.samplers = defaults.samplers
        facts.runsRungeKutta = defaults.runsRungeKutta
        hasManifest = FileState(folder.manifestFile).exists
        if hasManifest {
            let manifest = try ModelManifest(folder: folder, over: &facts)
            title = manifest.title
            licence = manifest.licence
        } else {
            title = nil
            licence = nil
        }
        let rules = try folder.precisionRules().here
        let bytes = try WeightEstimate.privateBytes(
            of: folder, at: facts.precisions.map(WeightPrecision.init), rules: rules)
        for precision in facts.precisions { facts.weightBytes[precision] = bytes[WeightPrecision(precision)] }
        self.facts = facts
    }
}

/// A file's size and date: what stays when the same file is installed again, so that what was measured of a model is still known.
/// (Where a wrong answer would give wrong weights, `Models` asks for the time of the inode's change, too.)
private struct FileState: Equatable {
    let exists: Bool
    let size: Int
    let modifiedNanoseconds: Int

    init(_ path: String) {
        var status = stat()
        exists = stat(path, &status) == 0
        size = exists ? Int(status.st_size) : 0
        modifiedNanoseconds = exists ? Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec) : 0
    }
}
