import Compute
import KernelChecks
import Testing

@Suite struct KernelTests {
    /// The names of all entries of kernels.def, in its order.
    static let entries: [String] = {
        var names: [String] = []
        while let name = kernel_check_name(names.count) { names.append(String(cString: name)) }
        return names
    }()

    @Test(arguments: KernelTable.available, entries)
    func `Every kernel does what the scalar one does and touches nothing else`(table: String, entry: String) throws {
        let index = try #require(KernelTests.entries.firstIndex(of: entry))
        var message = [CChar](repeating: 0, count: 256)
        let passed = kernel_check_run(index, table, &message, message.count)
        let text = message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        #expect(passed == 1, "\(String(decoding: text, as: UTF8.self))")
    }
}
