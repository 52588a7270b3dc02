import Foundation
import Settings
import SystemPackage
import Testing

@Suite("Settings")
struct SettingsTests {
    @Test("without a file, variables or options every setting has its default")
    func defaults() throws {
        let directory = try TemporaryDirectory()
        let settings = try Settings.load(layout: Layout(root: directory.path), environment: [:])
        #expect(settings == Settings())
    }

    @Test("an empty file and a file of comments are the defaults", arguments: ["", "\n\n", "# max_crashes: 9\n"])
    func emptyFile(text: String) throws {
        #expect(try load(text) == Settings())
    }

    @Test("each key of the file reaches its setting")
    func everyKey() throws {
        let settings = try load(
            """
            max_crashes: 7
            threads: 2
            memory_limit: 1.5GiB
            log_level: debug
            max_job_file_size: 64kB
            free_space_reserve: 0B
            unknown_file_delay: 5m
            default_latency_budget: 1m30s
            model_directories: [/srv/a, "/srv/b c"]
            keep_finished: 12h
            """)
        var expected = Settings()
        expected.maxCrashes = 7
        expected.threads = 2
        expected.memoryLimit = .size(ByteCount(3 << 29))
        expected.logLevel = .debug
        expected.maxJobFileSize = ByteCount(64000)
        expected.freeSpaceReserve = ByteCount(0)
        expected.unknownFileDelay = .seconds(300)
        expected.defaultLatencyBudget = .seconds(90)
        expected.modelDirectories = ["/srv/a", "/srv/b c"]
        expected.keepFinished = .seconds(12 * 3600)
        #expect(settings == expected)
    }

    @Test("the words none and forever stand for no value")
    func wordsForNoValue() throws {
        let settings = try load("default_latency_budget: none\nkeep_finished: forever\nunknown_file_delay: never\n")
        #expect(settings.defaultLatencyBudget == nil)
        #expect(settings.keepFinished == nil)
        #expect(settings.unknownFileDelay == nil)
    }

    @Test("the command line wins over the environment, the environment over the file, the file over the defaults")
    func precedence() throws {
        let file = "threads: 1\nmax_crashes: 11\nlog_level: error\n"
        let environment = ["LATENTD_THREADS": "2", "LATENTD_MAX_CRASHES": "12", "LATENTD_ISA": "scalar"]
        let settings = try load(file, environment: environment, overrides: [.threads: "3"])
        #expect(settings.threads == 3)
        #expect(settings.maxCrashes == 12)
        #expect(settings.logLevel == .error)
        #expect(settings.memoryLimit == .automatic)
    }

    @Test("outside the file a list is one text with colons")
    func listFromEnvironment() throws {
        let settings = try load("", environment: ["LATENTD_MODEL_DIRECTORIES": "/a:/b"])
        #expect(settings.modelDirectories == ["/a", "/b"])
    }

    @Test(
        "each key takes the ends of its range",
        arguments: [
            "max_crashes: 1", "max_crashes: 1000000", "threads: 1024", "memory_limit: 100%", "memory_limit: 0.5%",
            "memory_limit: 1B", "max_job_file_size: 1KiB", "max_job_file_size: 1GiB", "free_space_reserve: 1TiB",
            "default_latency_budget: 1ms", "default_latency_budget: 168h", "unknown_file_delay: 0s",
            "unknown_file_delay: 168h", "keep_finished: 1h", "keep_finished: 87600h",
        ])
    func insideTheRange(text: String) throws {
        #expect(try load(text) != Settings())
    }

    @Test(
        "a value outside its range, of another type or with a bad unit names file, line, key and expectation",
        arguments: [
            ("max_crashes", "0"), ("max_crashes", "1000001"), ("max_crashes", "3.0"), ("max_crashes", ""),
            ("threads", "-1"), ("threads", "1025"), ("threads", "two"), ("threads", "99999999999999999999"),
            ("memory_limit", "0%"), ("memory_limit", "101%"), ("memory_limit", "0"), ("memory_limit", "-1GiB"),
            ("memory_limit", "1.5 Gigs"), ("memory_limit", "9e99"), ("memory_limit", "99999999999TiB"),
            ("memory_limit", "9223372036854775808"), ("memory_limit", "automatic"),
            ("log_level", "loud"), ("log_level", "Info"),
            ("max_job_file_size", "1023"), ("max_job_file_size", "2GiB"), ("free_space_reserve", "1.1TiB"),
            ("default_latency_budget", "20"), ("default_latency_budget", "0s"), ("default_latency_budget", "169h"),
            ("default_latency_budget", "20 seconds"), ("default_latency_budget", "s"),
            ("default_latency_budget", "[1s]"),
            ("unknown_file_delay", "169h"), ("unknown_file_delay", "60"), ("unknown_file_delay", "none"),
            ("keep_finished", "59m"), ("keep_finished", "never"),
            ("model_directories", "/srv/models"), ("model_directories", "[relative]"),
            ("model_directories", "[/a, [/b]]"),
            ("threads", "{a: 1}"),
        ])
    func badValue(name: String, value: String) throws {
        let key = try #require(SettingKey(rawValue: name))
        let complaint = try complaint("# a comment\n\n\(name): \(value)\n")
        #expect(complaint.hasPrefix("latentd.yaml, line 3: '\(name)' is '"))
        #expect(complaint.hasSuffix("' but must be \(key.expectation)"))
    }

    @Test("a bad value in a variable or on the command line names the place")
    func badValueElsewhere() throws {
        let expectation = SettingKey.threads.expectation
        #expect(
            try complaint("threads: 1", environment: ["LATENTD_THREADS": "many"])
                == "environment variable LATENTD_THREADS: 'threads' is 'many' but must be \(expectation)")
        #expect(
            try complaint("threads: 1", overrides: [.threads: "few"])
                == "command line: 'threads' is 'few' but must be \(expectation)")
    }

    @Test("an unknown key names file, line and the keys there are")
    func unknownKey() throws {
        let complaint = try complaint("threads: 1\nmax_crash: 3\n")
        #expect(complaint.hasPrefix("latentd.yaml, line 2: unknown key 'max_crash'; known are max_crashes, threads"))
    }

    @Test(
        "a file that is not a mapping of keys names the line",
        arguments: [
            ("- threads\n", "latentd.yaml, line 1: must be a list of 'key: value' lines"),
            ("threads: 1\nthreads: 2\n", "latentd.yaml, line 1: written twice: threads"),
            (
                "threads: 1\n  log_level: [\n",
                "latentd.yaml, line 2: not YAML: mapping values are not allowed in this context"
            ),
        ])
    func malformed(text: String, expected: String) throws {
        #expect(try complaint(text) == expected)
    }

    @Test("a file that was named must be there and be readable text of a sensible size")
    func unreadable() throws {
        let directory = try TemporaryDirectory()
        let layout = Layout(root: directory.path)
        #expect(throws: SettingsError.unreadableFile("/nonexistent/x.yaml", reason: "No such file or directory")) {
            try Settings.load(layout: layout, configuration: "/nonexistent/x.yaml", environment: [:])
        }
        #expect(throws: SettingsError.unreadableFile(directory.path, reason: "Is a directory")) {
            try Settings.load(layout: layout, configuration: directory.path, environment: [:])
        }
        #expect(try complaint(String(repeating: "#", count: 1 << 21)).hasSuffix("it is larger than 1 MiB"))
        let binary = directory.path.appending("binary.yaml")
        try Data([0x74, 0xff, 0xfe]).write(to: URL(filePath: binary.string))
        #expect(throws: SettingsError.malformedFile(binary, line: 1, reason: "the text is not UTF-8: see byte 1")) {
            try Settings.load(layout: layout, configuration: binary, environment: [:])
        }
    }
}
