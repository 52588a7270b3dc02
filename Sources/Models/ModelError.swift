import Compute
import Glibc

/// What is wrong with a model's files. Every case names the file and, where there is one, the field.
public enum ModelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file cannot be read (`errno`).
    case unreadable(file: String, code: Int32)
    /// Not one of these files exists.
    case missing(anyOf: [String])
    /// The bytes are not the format that the file's name promises.
    case malformed(file: String, reason: String)
    /// A configuration lacks a field, or has a value that makes no sense for it.
    case badField(file: String, field: String, reason: String)
    /// A tensor that the architecture needs is not in the checkpoint.
    case missingTensor(file: String, name: String)
    /// A tensor has another shape than the architecture asks for.
    case wrongShape(file: String, name: String, found: [Int], expected: [Int])
    /// A tensor's elements cannot be used as weights.
    case wrongType(file: String, name: String, type: String)
    /// A tensor has no place, or does not fit it.
    case badTensor(file: String, name: String, reason: String)
    /// The checkpoint holds tensors that the architecture does not know.
    case unusedTensors(file: String, names: [String])
    /// A model cannot have this name.
    case badName(String)
    /// Something of that name is there already.
    case exists(file: String)
    /// Another process works on it.
    case inUse(file: String)
    /// The file could not be written (`errno`).
    case unwritable(file: String, code: Int32)
    /// The file is not what it was when its use began: what was read of it, or of it and others, does not belong together.
    case changed(file: String)
    /// The work was given up because a `StopFlag` asked for it, which knows why.
    case stopped

    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .unreadable(let file, let code): "\(file) cannot be read: \(systemReason(code))."
        case .missing(let files) where files.count == 1: "\(files[0]) does not exist."
        case .missing(let files): "None of these files exists: \(files.joined(separator: ", "))."
        case .malformed(let file, let reason): "\(file) is damaged or of another format: \(reason)."
        case .badField(let file, let field, let reason): "\(file), field '\(field)': \(reason)."
        case .missingTensor(let file, let name): "\(file) lacks the tensor '\(name)' that its configuration asks for."
        case .wrongShape(let file, let name, let found, let expected):
            "\(file), tensor '\(name)': its shape is \(found), the configuration asks for \(expected)."
        case .wrongType(let file, let name, let type):
            "\(file), tensor '\(name)': elements of type \(type) cannot be used here."
        case .badTensor(let file, let name, let reason): "\(file), tensor '\(name)': \(reason)."
        case .unusedTensors(let file, let names):
            "\(file) holds \(names.count) tensors that its configuration has no place for, the first is '\(names[0])': "
                + "the configuration and the weights do not belong together, or the architecture is not supported."
        case .badName(let name):
            "A model cannot be called '\(name)': a name of up to 100 bytes is asked for, without a slash and no dot first."
        case .exists(let file): "\(file) exists already; it is not replaced unless that is asked for."
        case .inUse(let file): "\(file) is in use: another import of that name is running."
        case .unwritable(let file, let code): "\(file) cannot be written: \(systemReason(code))."
        case .changed(let file):
            "The model changed while it was in use: \(file) is not what it was. Replace a model's folder by rename, not in place."
        case .stopped: "The work on the model was given up."
        }
    }

    /// The system's own words for an `errno`. Glibc's `strerror` keeps its text per thread.
    private func systemReason(_ code: Int32) -> String { String(cString: strerror(code)) }

    /// A tensor that holds an infinity or a NaN.
    static func notFinite(file: String, name: String) -> ModelError {
        .badTensor(
            file: file, name: name,
            reason: "it holds numbers that are not finite, or too large for the precision: the file is damaged")
    }
}

extension StopFlag {
    /// Reports that a part of the work is done, and throws `stopped` where somebody raised the flag.
    func passed() throws(ModelError) {
        progressed()
        if isRaised { throw .stopped }
    }
}
