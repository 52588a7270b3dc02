import Logging
import Spool

extension Logger {
    /// Says what the spool coped with.
    func note(_ notice: SpoolNotice) {
        switch notice {
        case .remade(let path):
            warning("A folder of the spool was gone and was made again", metadata: ["path": "\(path)"])
        case .watchWaits(let error):
            warning("The watch of incoming/ waits", metadata: ["error": "\(error)"])
        }
    }
}
