import class Compute.StopFlag
import Foundation
import Models

/// The SHA-256 of models, remembered across processes: reading every byte of a large model takes many seconds.
///
/// `DIRECTORY/digests/IDENTITY` holds 64 digits. The identity changes with any file's size or time of change, so an entry is
/// never stale; deleting all of it costs time only. A cache that cannot be written is none.
struct DigestCache: Sendable {
    private let directory: String?

    /// - Parameter directory: Where caches lie; nil remembers nothing.
    init(directory: String?) {
        self.directory = directory.map { "\($0)/digests" }
    }

    /// The model's digest, from the cache or from its bytes.
    ///
    /// - Parameter stop: ends the reading where it is raised.
    func sha256(of model: CatalogModel, stop: StopFlag? = nil) throws(ModelError) -> String {
        guard let directory else { return try model.folder.sha256(stop: stop) }
        let path = "\(directory)/\(model.facts.identity)"
        if let known = try? String(contentsOfFile: path, encoding: .utf8), Self.isDigest(known) { return known }
        let digest = try model.folder.sha256(stop: stop)
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // By rename: another process reads all of it or nothing.
        try? digest.write(toFile: path, atomically: true, encoding: .utf8)
        return digest
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.allSatisfy { $0.isHexDigit && !$0.isUppercase }
    }
}
