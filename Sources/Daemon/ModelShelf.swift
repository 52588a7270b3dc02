import Planner
import Rendering
import Synchronization
import SystemPackage

/// The models of this instance, looked for at the start and at every reload.
final class ModelShelf: Sendable {
    private let catalog: Mutex<ModelCatalog>

    /// Looks into `directories`, in this order: the first folder of a name wins.
    init(directories: [FilePath]) {
        catalog = Mutex(ModelCatalog(directories: directories.map(\.string)))
    }

    /// Looks again.
    func rescan(directories: [FilePath]) {
        let fresh = ModelCatalog(directories: directories.map(\.string))
        catalog.withLock { $0 = fresh }
    }

    /// The models as they were found.
    var current: ModelCatalog { catalog.withLock { $0 } }

    /// What the planner may choose from.
    var usable: [ModelFacts] { current.facts }
}
