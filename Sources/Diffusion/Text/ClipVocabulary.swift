import Glibc
import Models

/// Where CLIP's published vocabulary lies, which a model in one file does not bring: folders as transformers writes them, that
/// `scripts/vocabulary` makes and an installation holds.
///
/// ```
/// vocabulary/clip      vocab.json  merges.txt  …                        pads with its end token
/// vocabulary/clip-g    vocab.json  merges.txt  special_tokens_map.json    pads with "!", as open_clip's models expect
/// ```
enum ClipVocabulary {
    /// The folder of the tokenizer: the first that exists beside the model's file, in a folder above the program (a checkout, or the
    /// prefix of an installation), or among the system's; where none does, the last, which an error then names.
    static func folder(beside file: String, padsWithExclamationMark: Bool) -> String {
        let name = "vocabulary/\(padsWithExclamationMark ? "clip-g" : "clip")"
        let above = ancestors(program).flatMap { [$0, "\($0)/share/latentd"] }
        let folders = ancestors(file).prefix(1) + above + ["/usr/share/latentd"]
        let found = folders.map { "\($0)/\(name)" }
        return found.first { MappedFile.exists("\($0)/merges.txt") } ?? found[found.count - 1]
    }

    /// The folders that a path lies in, the nearest first, at most five.
    private static func ancestors(_ path: String) -> [String] {
        var ancestors: [String] = [], rest = path[...]
        while ancestors.count < 5, let slash = rest.lastIndex(of: "/"), slash > rest.startIndex {
            rest = rest[..<slash]
            ancestors.append(String(rest))
        }
        return ancestors
    }

    private static let program: String = {
        guard let path = realpath("/proc/self/exe", nil) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }()
}
