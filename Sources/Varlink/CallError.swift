public import JSONText

/// An error reply: a name with its interface, and parameters that say what was wrong.
///
/// A handler throws one; the client receives it inside ``VarlinkError/refused(_:)``.
public struct CallError: Error, Sendable, Equatable {
    /// The full name, such as `org.varlink.service.MethodNotFound`.
    public let name: String
    /// What the error's declaration in the interface lists.
    public let parameters: [String: JSONValue]

    /// An error named `name` with `parameters`.
    public init(name: String, parameters: [String: JSONValue] = [:]) {
        self.name = name
        self.parameters = parameters
    }
}

extension CallError {
    /// No interface of that name is served here.
    public static func interfaceNotFound(_ interface: String) -> CallError {
        CallError(name: "org.varlink.service.InterfaceNotFound", parameters: ["interface": .string(interface)])
    }
    /// The interface has no such method.
    public static func methodNotFound(_ method: String) -> CallError {
        CallError(name: "org.varlink.service.MethodNotFound", parameters: ["method": .string(method)])
    }
    /// A parameter is missing or has the wrong type.
    public static func invalidParameter(_ parameter: String) -> CallError {
        CallError(name: "org.varlink.service.InvalidParameter", parameters: ["parameter": .string(parameter)])
    }
    /// The peer may look, but not change anything.
    public static let permissionDenied = CallError(name: "org.varlink.service.PermissionDenied")
    /// This peer may not do this; the message says who may.
    public static func notAllowed(_ message: String) -> CallError {
        CallError(name: "org.latentd.NotAllowed", parameters: ["message": .string(message)])
    }
    /// The bytes were no call; the connection is closed after this.
    public static func malformedCall(_ reason: String) -> CallError {
        CallError(name: "org.latentd.MalformedCall", parameters: ["message": .string(reason)])
    }
    /// More connections than the server was given.
    public static let busy = CallError(
        name: "org.latentd.Busy", parameters: ["message": .string("too many connections; try again in a moment")])
    /// No job has that id.
    public static func jobNotFound(_ id: String) -> CallError {
        CallError(name: "org.latentd.JobNotFound", parameters: ["id": .string(id)])
    }
    /// The job is not acceptable; `field` is the path of the field at fault.
    public static func invalidJob(field: String?, message: String) -> CallError {
        CallError(
            name: "org.latentd.InvalidJob",
            parameters: ["field": field.map(JSONValue.string) ?? .null, "message": .string(message)])
    }
    /// The job's state does not allow what was asked.
    public static func illegalTransition(id: String, message: String) -> CallError {
        CallError(
            name: "org.latentd.IllegalTransition", parameters: ["id": .string(id), "message": .string(message)])
    }
    /// The daemon cannot do this now, or not on this host.
    public static func unavailable(_ message: String) -> CallError {
        CallError(name: "org.latentd.Unavailable", parameters: ["message": .string(message)])
    }
}

extension CallError: CustomStringConvertible {
    /// A sentence for the person at the client.
    public var description: String {
        let short = name.split(separator: ".").last.map(String.init) ?? name
        switch short {
        case "JobNotFound": return "there is no job \(parameters["id"]?.string ?? "of that id")"
        case "InvalidJob":
            let field = parameters["field"]?.string.map { "\($0): " } ?? ""
            return field + (parameters["message"]?.string ?? "the job is not valid")
        case "PermissionDenied": return "you may look at the queue but not change it: join the socket's group"
        case "MethodNotFound":
            let method = parameters["method"]?.string ?? "this method"
            return "the daemon does not know \(method): is it older than this client?"
        case "InvalidParameter":
            return "the daemon does not accept the parameter '\(parameters["parameter"]?.string ?? "?")'"
        default: return parameters["message"]?.string ?? name
        }
    }
}
