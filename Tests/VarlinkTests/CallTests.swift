import Foundation
import JSONText
import Testing
import Varlink

@Suite("Calls and values on the wire")
struct CallTests {
    @Test("A seed above Int64.max survives the wire")
    func seed() throws {
        let text = #"{"method":"x.Y","parameters":{"job":{"seed":18446744073709551615}}}"#
        let call = try Call(message: Array(text.utf8))
        let parameters = try call.parameters(Submit.Parameters.self)
        #expect(parameters.job["seed"] == .number(JSONNumber(UInt64.max)))
        let bytes = try JSONEncoder().encode(parameters.job)
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"seed":18446744073709551615}"#)
    }

    @Test(
        "What is no call is refused",
        arguments: [
            "", "null", "[]", "{}", #"{"method":7}"#, #"{"method":"nodot"}"#, #"{"method":"a.B","more":"yes"}"#,
            #"{"method":"a.B","upgrade":true}"#, #"{"method":"a.B"} x"#, "{\"method\":\"a.\u{1}",
        ])
    func noCall(text: String) {
        #expect(throws: VarlinkError.self) { try Call(message: Array(text.utf8)) }
    }

    @Test("Invalid UTF-8 is refused")
    func invalidUTF8() {
        #expect(throws: VarlinkError.self) {
            try Call(message: Array(#"{"method":"a.B"#.utf8) + [0xFF] + Array(#""}"#.utf8))
        }
    }

    @Test("A wrong parameter is named by its path")
    func parameterPath() throws {
        let missing = try Call(message: Array(#"{"method":"org.latentd.Show"}"#.utf8))
        #expect(throws: CallError.invalidParameter("id")) { try missing.parameters(JobReference.self) }
        let wrong = try Call(
            message: Array(#"{"method":"org.latentd.List","parameters":{"states":["failed",3]}}"#.utf8))
        #expect(throws: CallError.invalidParameter("states.Index 1")) { try wrong.parameters(List.Parameters.self) }
    }

    @Test("Root, the daemon's user and the socket's group may control it, others may not")
    func credentials() {
        func peer(_ user: UInt32, _ groups: Set<UInt32>) -> PeerCredentials {
            PeerCredentials(processID: 1, userID: user, groupIDs: groups)
        }
        #expect(peer(0, []).mayControl(owner: 990, group: 991))
        #expect(peer(990, []).mayControl(owner: 990, group: 991))
        #expect(peer(1000, [1000, 991]).mayControl(owner: 990, group: 991))
        #expect(!peer(1000, [1000, 0]).mayControl(owner: 990, group: 991))
    }

    @Test("Every error reply reads as a sentence")
    func sentences() {
        let errors: [CallError] = [
            .interfaceNotFound("a"), .methodNotFound("a.B"), .invalidParameter("x"), .permissionDenied,
            .malformedCall("it is not JSON"), .busy, .jobNotFound("a"),
            .invalidJob(field: "width", message: "too wide"), .illegalTransition(id: "a", message: "it runs"),
            .unavailable("no model"),
        ]
        for error in errors { #expect(!VarlinkError.refused(error).description.isEmpty) }
    }
}
