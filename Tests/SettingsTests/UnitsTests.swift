import Settings
import Testing

@Suite("Units of settings")
struct UnitsTests {
    @Test(
        "a size is a number and a unit",
        arguments: [
            ("4096", 4096), ("0", 0), ("1kB", 1000), ("1 KiB", 1024), ("1.5GiB", 3 << 29), ("2gb", 2_000_000_000),
            ("7B", 7),
        ])
    func sizes(text: String, bytes: Int) {
        #expect(ByteCount(text)?.bytes == bytes)
    }

    @Test(
        "anything else is no size", arguments: ["", "GiB", "-1", "1.5.2GiB", "1 G", "0x10", "1e3", " 1", "nan", "inf"])
    func notSizes(text: String) {
        #expect(ByteCount(text) == nil)
    }

    @Test(
        "a size is written in the largest unit that it fills",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (3 << 29, "1.5 GiB"), (1 << 42, "4 TiB"),
        ])
    func descriptions(bytes: Int, text: String) {
        #expect(ByteCount(bytes).description == text)
    }

    @Test("a memory limit never grants more than there is")
    func memoryLimits() {
        #expect(MemoryLimit.percent(50).bytes(of: 4 << 30) == 2 << 30)
        #expect(MemoryLimit.size(ByteCount(1 << 30)).bytes(of: 4 << 30) == 1 << 30)
        #expect(MemoryLimit.size(ByteCount(8 << 30)).bytes(of: 4 << 30) == 4 << 30)
        #expect(MemoryLimit.automatic.bytes(of: 4 << 30) == nil)
    }
}
