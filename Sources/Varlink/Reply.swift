import JSONText

/// Replies on the wire.
///
///     {"parameters": {...}} NUL                          the last reply
///     {"parameters": {...}, "continues": true} NUL       more will follow
///     {"error": "org.latentd.JobNotFound", "parameters": {"id": "a"}} NUL
enum Reply {
    private struct Outgoing<Parameters: Encodable>: Encodable {
        let parameters: Parameters
        var continues: Bool?
        var error: String?
    }

    private struct Header: Decodable {
        let continues: Bool?
        let error: String?
    }

    private struct Success<Parameters: Decodable>: Decodable {
        let parameters: Parameters
    }

    private struct Failure: Decodable {
        let parameters: [String: JSONValue]?
    }

    static func encode(_ parameters: some Encodable, continues: Bool = false) throws(VarlinkError) -> [UInt8] {
        try encodeMessage(Outgoing(parameters: parameters, continues: continues ? true : nil))
    }

    static func encode(_ error: CallError) throws(VarlinkError) -> [UInt8] {
        try encodeMessage(Outgoing(parameters: error.parameters, error: error.name))
    }

    /// Reads a reply; an error reply is thrown as ``VarlinkError/refused(_:)``.
    static func decode<Parameters: Decodable>(
        _ type: Parameters.Type, from message: [UInt8]
    ) throws(VarlinkError) -> (parameters: Parameters, continues: Bool) {
        let value = try JSONValue(message: message)
        do {
            let header = try value.decoded(as: Header.self)
            if let name = header.error {
                let parameters = try value.decoded(as: Failure.self).parameters ?? [:]
                throw VarlinkError.refused(CallError(name: name, parameters: parameters))
            }
            return (try value.decoded(as: Success<Parameters>.self).parameters, header.continues ?? false)
        } catch let error as VarlinkError {
            throw error
        } catch {
            throw .malformed(reason: "unexpected reply: \(error)")
        }
    }
}
