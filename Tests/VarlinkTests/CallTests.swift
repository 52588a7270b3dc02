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

    @Test("Text that is no text is refused with its field")
    func noText() {
        func refusal(_ prompt: [UInt8]) -> String {
            let head = Array(#"{"method":"org.latentd.Submit","parameters":{"job":{"prompt":"a"#.utf8)
            do {
                _ = try Call(message: head + prompt + Array(#""}}}"#.utf8))
                return "none"
            } catch {
                return error.description
            }
        }
        #expect(refusal(Array(" red apple".utf8)) == "none")
        for bad in [[0xFF], [0xC3], [0xED, 0xA0, 0x80], Array(#"\ud800"#.utf8), Array(#"\udc00\ud800"#.utf8)]
            as [[UInt8]]
        {
            #expect(refusal(bad).hasSuffix("in parameters.job.prompt"), "\(refusal(bad))")
        }
    }

    @Test(
        "A message is read as strictly as a job file",
        arguments: [#"{"method":"a.B",}"#, #"{"method":"a.B","method":"a.C"}"#])
    func strict(text: String) {
        #expect(throws: VarlinkError.self) { try Call(message: Array(text.utf8)) }
    }

    @Test("Brackets nested 480 deep are refused at the 33rd, however many there are")
    func nesting() throws {
        let nested = String(repeating: "[", count: 480) + String(repeating: "]", count: 480)
        let many = Array(repeating: nested, count: 200).joined(separator: ",")
        let text = #"{"method":"org.latentd.Submit","parameters":{"job":[\#(many)]}}"#
        let error = #expect(throws: VarlinkError.self) { try Call(message: Array(text.utf8)) }
        #expect(error?.description.contains("nested more than 32 deep") == true)
        let deepest = String(repeating: "[", count: 29) + String(repeating: "]", count: 29)
        let call = try Call(message: Array(#"{"method":"a.B","parameters":{"job":\#(deepest)}}"#.utf8))
        #expect(try call.parameters(Submit.Parameters.self).job.description == deepest)
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
            .unavailable("no model"), .notAllowed("only root may"),
        ]
        for error in errors { #expect(!VarlinkError.refused(error).description.isEmpty) }
    }
}
