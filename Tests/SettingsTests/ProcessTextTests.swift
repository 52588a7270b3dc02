import Settings
import Testing

@Suite("What a process was started with")
struct ProcessTextTests {
    private func problem(_ arguments: [[UInt8]], _ environment: [[UInt8]] = []) -> ProcessText.Problem? {
        ProcessText(arguments: arguments, environment: environment).problem
    }

    @Test("Text in any language is no problem")
    func text() {
        let words = ["latentctl", "submit", "ein Käse 🧀", "", "--negative-prompt", "ぼやけた"].map { Array($0.utf8) }
        #expect(problem(words, [Array("LATENTD_MODEL_DIRECTORIES=/srv/模型".utf8)]) == nil)
        #expect(ProcessText.current.problem == nil)
    }

    @Test(
        "An argument that is not UTF-8 is named by its number, its option and the byte",
        arguments: [
            ([0xFF], 0), ([0x61, 0xC3], 1), ([0xC3, 0xA4, 0x80], 2), ([0xED, 0xA0, 0x80], 0), ([0xC0, 0x80], 0),
            ([0xF4, 0x90, 0x80, 0x80], 0),
        ] as [([UInt8], Int)])
    func arguments(bytes: [UInt8], offset: Int) {
        let plain = problem([Array("latentctl".utf8), Array("submit".utf8), bytes])
        #expect(plain == .init(description: "argument 2 is not UTF-8: see its byte \(offset)", exitCode: .usage))
        let option = problem([Array("latentctl".utf8), Array("--negative-prompt".utf8), bytes])
        #expect(
            option?.description == "argument 2 (after --negative-prompt) is not UTF-8: see its byte \(offset)")
    }

    @Test("A variable that latentd reads is named; others are not looked at")
    func variables() {
        let bad: [UInt8] = [0x61, 0xFF]
        let named = problem([], [Array("LATENTD_LOG_LEVEL=".utf8) + bad])
        #expect(
            named
                == .init(
                    description: "the environment variable LATENTD_LOG_LEVEL is not UTF-8: see byte 1",
                    exitCode: .configuration))
        #expect(problem([], [Array("STATE_DIRECTORY=".utf8) + bad]) != nil)
        #expect(problem([], [Array("LS_COLORS=".utf8) + bad, bad]) == nil)
    }
}
