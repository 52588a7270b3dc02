import Jobs
import SystemPackage
import Yams

/// The YAML file of settings, taken apart: each known key's text and line.
///
/// The file is one mapping of keys to scalars, or to a list of scalars where the key holds a list. It is read here and not
/// by swift-configuration's own provider because that one knows neither lines nor unknown keys.
struct SettingsFile {
    /// A scalar's text, or a list's texts.
    enum Value: Equatable {
        case text(String)
        case list([String])
    }

    let path: FilePath
    private(set) var values: [SettingKey: Value] = [:]
    private(set) var lines: [SettingKey: Int] = [:]

    /// Settings are a page of text; more is a mistake, or not a settings file.
    static let maxSize = 1 << 20

    /// Reads `path`. A file that does not exist is an empty one where `mayBeMissing`.
    init(path: FilePath, mayBeMissing: Bool) throws(SettingsError) {
        self.path = path
        guard let text = try Self.text(of: path, mayBeMissing: mayBeMissing) else { return }
        guard let root = try Self.compose(text, path) else { return }
        guard let mapping = root.mapping else {
            throw .malformedFile(path, line: root.mark?.line, reason: "must be a list of 'key: value' lines")
        }
        for (keyNode, node) in mapping {
            let name = keyNode.scalar?.string ?? "(not a word)"
            guard let key = SettingKey(rawValue: name) else {
                throw .unknownKey(name, path, line: keyNode.mark?.line)
            }
            lines[key] = keyNode.mark?.line
            values[key] = try value(of: key, node)
        }
    }

    private func value(of key: SettingKey, _ node: Node) throws(SettingsError) -> Value {
        switch node {
        case .scalar(let scalar):
            return .text(scalar.string)
        case .sequence(let sequence):
            let texts = sequence.compactMap { $0.scalar?.string }
            guard texts.count == sequence.count else { fallthrough }
            return .list(texts)
        default:
            throw .badValue(key, value: "a nested value", .file(path, line: lines[key]))
        }
    }

    private static func text(of path: FilePath, mayBeMissing: Bool) throws(SettingsError) -> String? {
        do {
            let descriptor = try FileDescriptor.open(path, .readOnly)
            let bytes = try descriptor.closeAfter { try read(descriptor, atMost: maxSize + 1) }
            guard bytes.count <= maxSize else {
                throw SettingsError.unreadableFile(path, reason: "it is larger than \(ByteCount(maxSize))")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                let good = bytes.prefix(UTF8Validity.firstInvalidOffset(in: bytes) ?? 0)
                let line = good.count(where: { $0 == UInt8(ascii: "\n") }) + 1
                throw SettingsError.malformedFile(
                    path, line: line, reason: "the text is not UTF-8: see byte \(good.count)")
            }
            return text
        } catch let error as SettingsError {
            throw error
        } catch Errno.noSuchFileOrDirectory where mayBeMissing {
            return nil
        } catch {
            throw .unreadableFile(path, reason: "\(error)")
        }
    }

    private static func read(_ descriptor: FileDescriptor, atMost limit: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            while case let read = try descriptor.read(into: .init(rebasing: memory[count...])), read > 0 {
                count += read
            }
        }
    }

    private static func compose(_ text: String, _ path: FilePath) throws(SettingsError) -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw malformed(error, path)
        } catch {
            throw .malformedFile(path, line: nil, reason: "\(error)")
        }
    }

    private static func malformed(_ error: YamlError, _ path: FilePath) -> SettingsError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            .malformedFile(path, line: mark.line, reason: "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            .malformedFile(
                path, line: context.mark.line, reason: "written twice: \(duplicates.joined(separator: ", "))")
        case .reader(let problem, _, _, _):
            .malformedFile(path, line: nil, reason: "not YAML: \(problem)")
        default:
            .malformedFile(path, line: nil, reason: "\(error)")
        }
    }
}
