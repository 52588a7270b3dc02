import Foundation
import Settings
import Testing

/// `etc/latentd.yaml` as it is installed.
@Suite("The published settings file")
struct PublishedFileTests {
    private let lines: [String]

    init() throws {
        let file = URL(filePath: #filePath).appending(path: "../../../etc/latentd.yaml").standardized
        lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
    }

    @Test("changes nothing")
    func allComments() throws {
        #expect(try load(lines.joined(separator: "\n")) == Settings())
    }

    @Test("shows every key once, at its default, under its range", arguments: SettingKey.allCases)
    func documents(key: SettingKey) throws {
        let shown = lines.indices.filter { lines[$0].hasPrefix("#\(key.rawValue):") }
        let line = try #require(shown.first)
        #expect(shown.count == 1)
        #expect(lines[line] == "#\(key.rawValue): \(key.defaultText)")
        #expect(lines[line - 1] == "# Must be \(key.expectation).")
        #expect(lines[line - 2].hasPrefix("# "))
    }

    @Test("has no other keys, and with every '#' removed it is the defaults")
    func uncommented() throws {
        let keys = lines.filter { $0.wholeMatch(of: /#[a-z_]+: .+/) != nil }.map { String($0.dropFirst()) }
        #expect(keys.count == SettingKey.allCases.count)
        #expect(try load(keys.joined(separator: "\n")) == Settings())
    }
}
