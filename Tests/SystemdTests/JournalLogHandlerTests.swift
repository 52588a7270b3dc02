import Foundation
import Logging
import Systemd
import Testing

@Suite("The log handler")
struct JournalLogHandlerTests {
    /// What a logger over `destination` writes to a pipe.
    private func written(
        _ destination: (Int32) -> LogDestination, _ body: (inout Logger) -> Void
    ) throws -> String {
        let pipe = Pipe()
        let handler = JournalLogHandler(
            identifier: "latentd", destination: destination(pipe.fileHandleForWriting.fileDescriptor))
        var logger = Logger(label: "test") { _ in handler }
        body(&logger)
        try pipe.fileHandleForWriting.close()
        return try String(decoding: pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    }

    @Test("without a journal each line starts with its priority")
    func prefixed() throws {
        let text = try written(LogDestination.prefixed) { logger in
            logger[metadataKey: "job.id"] = "7"
            logger.notice("A job is done", metadata: ["job.seconds": "1.5"])
            logger.error("A job failed")
        }
        #expect(text == "<5>A job is done job.id=7 job.seconds=1.5\n<3>A job failed job.id=7\n")
    }

    @Test("on a terminal a line has the time and the level")
    func terminal() throws {
        let text = try written(LogDestination.terminal) { $0.warning("We coped") }
        #expect(text.wholeMatch(of: /\d\d:\d\d:\d\d warning: We coped\n/) != nil)
    }

    @Test("messages below the level are not written")
    func level() throws {
        let text = try written(LogDestination.prefixed) { logger in
            logger.debug("a prompt")
            logger.logLevel = .debug
            logger.debug("another")
        }
        #expect(text == "<7>another\n")
    }

    @Test("a copy of a logger has its own level and data")
    func valueSemantics() {
        var first = Logger(label: "test") { _ in JournalLogHandler(identifier: "latentd", destination: .journal) }
        first[metadataKey: "k"] = "first"
        var second = first
        second.logLevel = .error
        second[metadataKey: "k"] = "second"
        #expect(first.logLevel == .info)
        #expect(first[metadataKey: "k"] == "first")
    }

    @Test(
        "a journal stream of another device or inode is not this process's journal", arguments: [nil, "", "1:2", "x"])
    func detection(stream: String?) {
        #expect(LogDestination.detect(journalStream: stream) != .journal)
    }

    @Test("stderr that is the journal's stream is the journal")
    func detectedJournal() {
        var status = stat()
        fstat(STDERR_FILENO, &status)
        #expect(LogDestination.detect(journalStream: "\(status.st_dev):\(status.st_ino)") == .journal)
    }
}
