import Compute
import Foundation
import Glibc
import Models
import Synchronization
import Testing

/// Mapped files that others write into: seen, and never the end of the process.
struct ChangedFileTests {
    private let size = 200_000

    private func mapped(_ folder: TemporaryFolder) throws -> MappedFile {
        try MappedFile(folder.write("file", (0..<size).lazy.map { UInt8(truncatingIfNeeded: $0 % 251 + 1) }))
    }

    @Test(
        "what a file lost reads as zeros, by as many threads as want to, and is known", arguments: [0, 1, 4096, 70_000])
    func shortened(length: Int) throws {
        let folder = try TemporaryFolder(), pool = try ThreadPool(threads: 4)
        let file = try mapped(folder), before = MappedFile.tears
        #expect(!file.hasChanged)
        try #require(truncate(file.path, length) == 0)
        let page = Int(sysconf(Int32(_SC_PAGESIZE))), firstGone = (length + page - 1) / page * page
        let wrong = Atomic(0)
        pool.parallelFor(size) { index in
            let expected = index < length ? UInt8(index % 251 + 1) : 0
            if index < length || index >= firstGone, file.bytes[index] != expected {
                wrong.add(1, ordering: .relaxed)
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(file.hasChanged && MappedFile.tears > before)
        // Even if it is made long again: what was read is not what is there.
        try #require(truncate(file.path, off_t(size)) == 0)
        #expect(file.hasChanged)
    }

    @Test("a SIGBUS in somebody else's memory is what it was: the end of the process")
    func stranger() async {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            let path = NSTemporaryDirectory() + "latentd-\(UUID().uuidString)"
            defer { unlink(path) }
            try Data(repeating: 1, count: 8192).write(to: URL(fileURLWithPath: path))
            // The handler is there.
            let ours = try MappedFile(path)
            let descriptor = open(path, O_RDONLY)
            let memory = try #require(mmap(nil, 8192, PROT_READ, MAP_PRIVATE, descriptor, 0))
            truncate(path, 0)
            print(ours.bytes[5000], memory.load(fromByteOffset: 5000, as: UInt8.self))
        }
    }

    @Test("whoever writes into the file changes it, even with the date set back")
    func written() throws {
        for keepsDate in [false, true] {
            let folder = try TemporaryFolder(), file = try mapped(folder)
            var status = stat()
            try #require(stat(file.path, &status) == 0)
            // Files take their times from a clock of coarse ticks.
            usleep(20_000)
            let handle = try #require(FileHandle(forWritingAtPath: file.path))
            try handle.write(contentsOf: Data([9]))
            try handle.close()
            if keepsDate {
                var times = [status.st_atim, status.st_mtim]
                try #require(utimensat(AT_FDCWD, file.path, &times, 0) == 0)
            }
            #expect(file.hasChanged)
        }
    }

    @Test("another name, mode, link or file in its place is no change of its bytes")
    func unchanged() throws {
        let folder = try TemporaryFolder(), file = try mapped(folder)
        let path = file.path
        usleep(20_000)
        try #require(chmod(path, 0o600) == 0)
        #expect(!file.hasChanged)
        try #require(link(path, "\(path).link") == 0)
        #expect(!file.hasChanged)
        try Data([1]).write(to: URL(fileURLWithPath: "\(path).new"))
        try #require(rename("\(path).new", path) == 0)
        #expect(!file.hasChanged)
        try #require(unlink(path) == 0 && unlink("\(path).link") == 0)
        #expect(!file.hasChanged && file.bytes[100] == 101)
    }

    @Test("a checkpoint that is written into while it is loaded is refused, and nothing of it is kept")
    func loading() throws {
        let model = try PreparedModel()
        let file = "\(model.path)/unet/diffusion_pytorch_model.safetensors"
        let heard = Atomic(0)
        let stop = StopFlag { if heard.add(1, ordering: .relaxed).newValue == 1 { truncate(file, 9000) } }
        let preparation = Preparation(.int8, rules: PrecisionRules([]), store: model.store, stop: stop)
        #expect(throws: ModelError.changed(file: file)) {
            let weights = try Weights(ModelFolder(path: model.path), "unet", preparation)
            _ = try weights["linear"].linear("weight", outputs: 96, inputs: 64)
            _ = try weights["linear"].constant("bias", shape: [96])
            _ = try weights["conv"].convolution("weight", outputs: 80, inputs: 64, size: 3, stride: 1)
            try weights.finish()
        }
        #expect(model.files == [])
    }

    @Test("an import whose source or LoRA is written into makes no model", arguments: [false, true])
    func importing(isLoRA: Bool) throws {
        let model = try PreparedModel(isComplete: true), lora = "\(model.path)/../lora.safetensors"
        var writer = SafetensorsWriter()
        writer.add("unet.linear.lora_A.weight", PreparedModel.values(128, seed: 1), shape: [2, 64])
        writer.add("unet.linear.lora_B.weight", PreparedModel.values(192, seed: 2), shape: [96, 2])
        try writer.write(to: lora)
        let file = isLoRA ? lora : "\(model.path)/unet/diffusion_pytorch_model.safetensors"
        let importer = Importer(
            try ModelFolder(path: model.path),
            .init(
                output: "\(model.path)/..", name: "small", precision: .fp32, rules: PrecisionRules([]), loras: [lora],
                tool: "tests"))
        #expect(throws: ModelError.changed(file: file)) {
            try importer.run { progress in if progress.component == "unet" { truncate(file, 0) } }
        }
        #expect(!FileManager.default.fileExists(atPath: "\(model.path)/../small"))
    }

    @Test("waiting for another process's preparation ends when somebody asks")
    func waiting() throws {
        let model = try PreparedModel(), other = "\(model.path)/../other"
        _ = try model.load(.int8, store: model.store)
        let name = model.files[0]
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        let descriptor = open("\(other)/\(name).tmp", O_RDWR | O_CREAT, 0o644)
        defer { close(descriptor) }
        try #require(flock(descriptor, LOCK_EX) == 0)
        let raised = Mutex<StopFlag?>(nil), heard = Atomic(0)
        let stop = StopFlag {
            if heard.add(1, ordering: .relaxed).newValue == 3 { raised.withLock { $0 }?.raise(CancellationError()) }
        }
        raised.withLock { $0 = stop }
        let preparation = Preparation(
            .int8, rules: PrecisionRules([]), store: PreparedStore(directory: other), stop: stop)
        #expect(throws: ModelError.stopped) { try Weights(ModelFolder(path: model.path), "unet", preparation) }
        #expect(heard.load(ordering: .relaxed) == 3)
        raised.withLock { $0 = nil }
    }
}
