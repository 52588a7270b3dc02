import Models

/// An architecture: how a model's files become a recipe.
///
/// What a component is called, which classes are known and which tensors stay wide is said by the types that conform to this, and
/// nowhere else.
protocol Family {
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
}

extension ModelFolder {
    /// Opens a folder as a model of the family that its `model_index.json` tells.
    public init(path: String) throws(ModelError) {
        try self.init(path: path) { Families.family(of: $0).form }
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
