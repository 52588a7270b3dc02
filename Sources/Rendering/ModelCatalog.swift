import Foundation
import Jobs
import Models
import Planner

/// The models that are installed: every folder with a `model_index.json`, and every checkpoint in one file, in one of the model
/// directories.
///
/// A bad model is a problem of that model alone. Of two models of one name, the one in the earlier directory counts.
public struct ModelCatalog: Sendable {
    /// Those that can be used: those with a manifest first, then by directory, then by name. A job that pins no model gets
    /// one of the first one's group.
    public private(set) var models: [CatalogModel]
    /// Those that cannot, and why.
    public private(set) var problems: [Problem]

    /// A model that cannot be used.
    public struct Problem: Sendable {
        /// The model's name.
        public let name: String
        /// Where it lies.
        public let path: String
        /// What is wrong with it.
        public let error: ModelError
    }

    /// Looks through `directories`, in their order; one that does not exist holds no models.
    public init(directories: [String]) {
        var models: [CatalogModel] = []
        var problems: [Problem] = []
        var names: Set<String> = []
        for directory in directories {
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
            for entry in entries.sorted() {
                let path = "\(directory)/\(entry)"
                guard let name = ModelFolder.modelName(at: path), names.insert(name).inserted else { continue }
                do throws(ModelError) {
                    models.append(try CatalogModel(path: path))
                } catch {
                    problems.append(Problem(name: name, path: path, error: error))
                }
            }
        }
        self.models = models.filter(\.hasManifest) + models.filter { !$0.hasManifest }
        self.problems = problems
    }

    /// Looks again at the models whose files are of another size or date than they were.
    mutating func refresh() {
        for (index, model) in models.enumerated().reversed() where !model.isCurrent {
            do throws(ModelError) {
                models[index] = try CatalogModel(path: model.folder.path)
            } catch {
                models.remove(at: index)
                problems.append(Problem(name: model.folder.name, path: model.folder.path, error: error))
            }
        }
    }

    /// The model of a name, if it can be used.
    public subscript(name: String) -> CatalogModel? {
        models.first { $0.facts.name == name }
    }

    /// What keeps a job from a model: the problem of the one that it pins, or, where there are none to choose from, the first.
    public func problem(of request: JobRequest) -> Problem? {
        guard let name = request.model else { return models.isEmpty ? problems.first : nil }
        return self[name] == nil ? problems.first { $0.name == name } : nil
    }

    /// What a planner has to know of them.
    public var facts: [ModelFacts] { models.map(\.facts) }
}
