import Foundation
import JSONText

/// One method call as it came over the wire.
///
///     {"method": "org.latentd.Show", "parameters": {"id": "a"}, "more": true, "oneway": true} NUL
public struct Call: Sendable {
    /// The interface and the method, `org.latentd.Show`.
    public let method: String
    /// The caller wants no reply, not even an error.
    public let oneway: Bool
    /// The caller accepts several replies.
    public let more: Bool
    private let message: JSONValue

    private struct Header: Decodable {
        let method: String
        let oneway: Bool?
        let more: Bool?
        let upgrade: Bool?
    }

    private struct Body<Parameters: Decodable>: Decodable {
        let parameters: Parameters?
    }

    /// Reads a message (without its NUL) as strictly as a job file is read; what its parameters mean is only looked at by
    /// ``parameters(_:)``.
    public init(message: [UInt8]) throws(VarlinkError) {
        let value = try JSONValue(message: message)
        let header: Header
        do {
            header = try value.decoded(as: Header.self)
        } catch {
            throw .malformed(reason: "expected a JSON object with a string 'method'")
        }
        guard header.method.contains("."), header.method.utf8.count <= 255 else {
            throw .malformed(reason: "'method' must be an interface, a dot and a method")
        }
        guard header.upgrade != true else { throw .malformed(reason: "'upgrade' is not offered here") }
        method = header.method
        oneway = header.oneway ?? false
        more = header.more ?? false
        self.message = value
    }

    /// The interface's part of ``method``.
    public var interface: String {
        String(method[..<(method.lastIndex(of: ".") ?? method.endIndex)])
    }

    /// The parameters as a typed value; missing parameters are an empty object.
    public func parameters<Parameters: Decodable>(_ type: Parameters.Type) throws(CallError) -> Parameters {
        do {
            if let parameters = try message.decoded(as: Body<Parameters>.self).parameters { return parameters }
            return try JSONValue.object([]).decoded(as: Parameters.self)
        } catch let error as DecodingError {
            throw .invalidParameter(error.parameterPath)
        } catch {
            throw .invalidParameter("parameters")
        }
    }

    /// The bytes of a call, with the ending NUL.
    static func encode<Parameters: Encodable>(
        method: String, parameters: Parameters, oneway: Bool = false, more: Bool = false
    ) throws(VarlinkError) -> [UInt8] {
        try encodeMessage(
            OutgoingCall(
                method: method, parameters: parameters, oneway: oneway ? true : nil, more: more ? true : nil))
    }
}

private struct OutgoingCall<Parameters: Encodable>: Encodable {
    let method: String
    let parameters: Parameters
    let oneway: Bool?
    let more: Bool?
}

extension DecodingError {
    /// The path of the parameter at fault, `job.width`, or `parameters` when the whole object is.
    fileprivate var parameterPath: String {
        let context: Context
        var missing: (any CodingKey)?
        switch self {
        case .typeMismatch(_, let at), .valueNotFound(_, let at), .dataCorrupted(let at): context = at
        case .keyNotFound(let key, let at): (context, missing) = (at, key)
        @unknown default: return "parameters"
        }
        let path = (context.codingPath + (missing.map { [$0] } ?? [])).map(\.stringValue)
        let inside = path.first == "parameters" ? path.dropFirst() : path[...]
        return inside.isEmpty ? "parameters" : inside.joined(separator: ".")
    }
}

extension JSONValue {
    /// How deep arrays and objects may lie in each other; a message with a job needs four levels.
    private static let maximumMessageDepth = 32

    /// One message, which must be UTF-8 and JSON to the letter.
    init(message: [UInt8]) throws(VarlinkError) {
        let parsed = message.withUnsafeBytes { bytes in
            Result { () throws(JSONError) in try JSONValue(parsing: bytes, maximumDepth: Self.maximumMessageDepth) }
        }
        do throws(JSONError) { self = try parsed.get() } catch { throw .malformed(reason: error.description) }
    }
}

/// A value as one message: JSON with sorted keys and the ending NUL.
func encodeMessage(_ value: some Encodable) throws(VarlinkError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        return Array(try encoder.encode(value)) + [0]
    } catch {
        throw .malformed(reason: "the message cannot be written as JSON")
    }
}
