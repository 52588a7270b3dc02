import Models

/// An architecture: how a model's files become a recipe.
///
/// What a component is called, which classes are known and which tensors stay wide is said by the types that conform to this, and
/// nowhere else.
protocol Family: Sendable {
    /// What records and lists call it.
    static var name: String { get }

    /// What the files of its models are called.
    static var form: ModelForm { get }

    /// Whether a model with this `model_index.json` is one of them.
    static func recognizes(_ index: Config) -> Bool

    /// Reads a model's configurations, and no weights.
    static func recipe(_ folder: ModelFolder) throws(ModelError) -> Recipe
}

/// The families that latentd knows.
enum Families {
    /// The first one that recognizes a model has it.
    private static let all: [any Family.Type] = [StableDiffusionXL.self, StableDiffusion.self]

    /// The family of a model with this `model_index.json`. What no family recognizes counts as a Stable Diffusion, whose check
    /// of the components then says what is not so.
    static func family(of index: Config) -> any Family.Type {
        all.first { $0.recognizes(index) } ?? StableDiffusion.self
    }

    /// Opens a model: a folder, whose weights may be one file at its top, or one file by itself.
    static func open(_ path: String) throws(ModelError) -> ModelFolder {
        if SingleFile.isPickle(path) {
            throw .malformed(
                file: path,
                reason:
                    "it is a pickle, which may run any program when it is read: convert it to .safetensors first, as the "
                    + "documentation of safetensors describes")
        }
        if SingleFile.isCheckpoint(path) {
            let file = try SingleFile(path: path, isDescribed: false)
            if let (component, companion) = try file.missing().first {
                throw .malformed(
                    file: path, reason: "it has no weights of the \(component), and there is no \(companion) beside it")
            }
            let index = file.index
            return ModelFolder(file: path, index: index, substitute: file.substitute, form: family(of: index).form)
        }
        let folder = try ModelFolder(path: path) { family(of: $0).form }
        // Beside weights of every component, whatever else lies at the top is none of the model's business.
        guard folder.lacksWeights, let file = SingleFile.atTop(of: folder.path) else { return folder }
        let substitute = try SingleFile(path: file, isDescribed: true).substitute
        return try ModelFolder(path: path, substitute: substitute) { family(of: $0).form }
    }
}

extension ModelFolder {
    /// Opens a model: a folder, whose weights may be one file at its top, or one file by itself.
    public init(path: String) throws(ModelError) { self = try Families.open(path) }

    /// What the model at a path is called; nil where there is none. A file that no family can read is one all the same: opening it says
    /// why.
    public static func modelName(at path: String) -> String? {
        let last = path.split(separator: "/").last.map(String.init) ?? path
        if MappedFile.exists("\(path)/model_index.json") { return last }
        guard SingleFile.isCheckpoint(path) || SingleFile.isPickle(path), !SingleFile.isCompanion(path) else {
            return nil
        }
        return SingleFile.stem(last)
    }

    /// `model_index.json` must name classes that latentd runs.
    ///
    /// - Parameter known: the components, and the classes of each.
    func requireClasses(_ known: [(component: String, classes: [String])]) throws(ModelError) {
        for (component, classes) in known {
            let name = try componentClass(component)
            guard classes.contains(name) else {
                let list = classes.map { "'\($0)'" }.joined(separator: " or ")
                throw index.refusal(component, "the class '\(name)' is not supported; \(list) would be")
            }
        }
    }
}
