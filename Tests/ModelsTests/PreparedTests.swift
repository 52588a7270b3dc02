import Compute
import Foundation
import Glibc
import Models
import Testing

/// Prepared weights: made once, then mapped; never trusted; never in the way.
struct PreparedTests {
    @Test("the second time prepared weights are mapped, and compute the same bits", arguments: WeightPrecision.allCases)
    func roundTrip(_ precision: WeightPrecision) throws {
        let model = try PreparedModel()
        let alone = try model.load(precision, store: nil)
        let first = try model.load(precision, store: model.store, threads: 3)
        let second = try model.load(precision, store: model.store)
        #expect(first.results == alone.results && second == first)
        #expect(alone.privateBytes > 0 && second.privateBytes == 0 && second.mappedBytes >= alone.privateBytes)
        #expect(model.files.count == 1 && model.reports.all.isEmpty)
    }

    @Test("any byte that is wrong is found, and the file is made anew")
    func damage() throws {
        let model = try PreparedModel()
        let expected = try model.load(.int8, store: model.store)
        let path = "\(model.cache)/\(model.files[0])"
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        let size = good.count
        var damaged = [9, size / 3, size - 20].map { place in
            var bytes = good
            bytes[place] ^= 4
            return bytes
        }
        damaged += [good.prefix(size - 8), good.prefix(5), Data(), good + Data([0])]
        damaged.append(try replacing("\"version\":\"", by: "\"version\":\"9", in: good))
        damaged.append(try replacing("int8 panels 96x1x64", by: "int8 panels 64x1x96", in: good))
        for (index, bytes) in damaged.enumerated() {
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(try model.load(.int8, store: model.store) == expected)
            #expect(model.reports.all.count == index + 1, "\(model.reports.all)")
            #expect(try model.load(.int8, store: model.store) == expected)
            #expect(model.reports.all.count == index + 1 && model.files.count == 1)
        }
    }

    @Test("weights that were checked since the host started are not checked again, but for the header")
    func mark() throws {
        let model = try PreparedModel()
        let expected = try model.load(.int8, store: model.store)
        try model.loadUntilMarked(.int8)
        let path = "\(model.cache)/\(model.files[0])", mark = "\(path).checked"
        let good = try Data(contentsOf: URL(fileURLWithPath: path)), place = good.count / 3
        #expect(try String(contentsOfFile: mark, encoding: .utf8) == markText(of: path))

        // A mark for the damaged file as it is: nobody looks at the weights.
        try damage(path, at: place)
        try markText(of: path).write(toFile: mark, atomically: true, encoding: .utf8)
        #expect(try model.load(.int8, store: model.store).results != expected.results)
        #expect(model.reports.all.isEmpty)

        // The date set back, so that only the inode's change tells.
        let date = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
        try damage(path, at: place + 1)
        try FileManager.default.setAttributes([.modificationDate: try #require(date)], ofItemAtPath: path)
        #expect(try model.load(.int8, store: model.store) == expected)
        #expect(model.reports.all.count == 1 && model.files.count == 1)

        for place in [9, good.count - 20] {
            try damage(path, at: place)
            try markText(of: path).write(toFile: mark, atomically: true, encoding: .utf8)
            #expect(try model.load(.int8, store: model.store) == expected)
        }
        #expect(model.reports.all.count == 3)
    }

    @Test("a mark of another boot, a torn one, and one that cannot be read cost a check", arguments: 0..<3)
    func wrongMark(_ kind: Int) throws {
        let model = try PreparedModel()
        let expected = try model.load(.int8, store: model.store)
        let path = "\(model.cache)/\(model.files[0])", mark = "\(path).checked"
        try? FileManager.default.removeItem(atPath: mark)
        try damage(path, at: Data(contentsOf: URL(fileURLWithPath: path)).count / 3)
        let text = try markText(of: path)
        switch kind {
        case 0: try text.replacing("-", with: "0").write(toFile: mark, atomically: true, encoding: .utf8)
        case 1: try String(text.dropLast(3)).write(toFile: mark, atomically: true, encoding: .utf8)
        default: try FileManager.default.createDirectory(atPath: mark, withIntermediateDirectories: true)
        }
        #expect(try model.load(.int8, store: model.store) == expected)
        #expect(model.reports.all.count == 1)
    }

    private func damage(_ path: String, at place: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(place))
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: UInt64(place))
        try file.write(contentsOf: [byte ^ 4])
        try file.close()
    }

    /// What `CheckMark` documents.
    private func markText(of path: String) throws -> String {
        var status = stat()
        try #require(stat(path, &status) == 0)
        let boot = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        let times = [status.st_mtim, status.st_ctim].map { "\($0.tv_sec * 1_000_000_000 + $0.tv_nsec)" }
        return
            ([boot.trimmingCharacters(in: .newlines), "\(status.st_dev)", "\(status.st_ino)", "\(status.st_size)"]
            + times).joined(separator: " ") + "\n"
    }

    private func replacing(_ text: String, by new: String, in bytes: Data) throws -> Data {
        var bytes = bytes
        let range = try #require(bytes.range(of: Data(text.utf8)))
        bytes.replaceSubrange(range.lowerBound..<range.lowerBound + new.utf8.count, with: Data(new.utf8))
        return bytes
    }

    @Test("weights of another model under the right name are not taken")
    func stranger() throws {
        let model = try PreparedModel(), other = try PreparedModel(seed: 5)
        let expected = try model.load(.int4, store: model.store)
        _ = try other.load(.int4, store: other.store)
        let path = URL(fileURLWithPath: "\(model.cache)/\(model.files[0])")
        try Data(contentsOf: URL(fileURLWithPath: "\(other.cache)/\(other.files[0])")).write(to: path)
        #expect(try model.load(.int4, store: model.store) == expected)
        #expect(model.reports.all.count == 1)
    }

    @Test("a model that changed is prepared anew, and what was prepared of the old one is removed")
    func change() throws {
        let model = try PreparedModel()
        let old = try model.load(.int8, store: model.store), files = model.files
        try model.loadUntilMarked(.int8)
        try model.write(seed: 7)
        let new = try model.load(.int8, store: model.store)
        #expect(new.results != old.results && new.privateBytes == 0)
        #expect(model.files.count == 1 && model.files != files && model.marks.isEmpty)
        _ = try model.load(.bf16, store: model.store)
        #expect(model.files.count == 2)
    }

    @Test("a cache folder that cannot be written costs memory, not the model, and is reported once")
    func unwritable() throws {
        let file = try TemporaryFolder()
        try file.write("cache", "no folder".utf8)
        let model = try PreparedModel(cache: "\(file.path)/cache/prepared")
        let store = model.store
        let alone = try model.load(.int8, store: nil)
        for _ in 0..<2 { #expect(try model.load(.int8, store: store) == alone) }
        #expect(model.reports.all.count == 1 && model.reports.all[0].contains("\(file.path)/cache"))
    }

    @Test(
        "a full disk costs memory, not the model, and keeps nothing half-made",
        .enabled(if: geteuid() == 0, "a small file system of its own takes root"))
    func fullDisk() throws {
        let disk = try TemporaryFolder()
        // Room for the first weight, not for the second.
        guard mount("latentd-test", disk.path, "tmpfs", 0, "size=48k") == 0 else { return }
        defer { umount2(disk.path, Int32(MNT_DETACH)) }
        let model = try PreparedModel(cache: "\(disk.path)/prepared")
        let alone = try model.load(.int8, store: nil)
        let loaded = try model.load(.int8, store: model.store)
        #expect(loaded.results == alone.results && loaded.privateBytes > 0)
        #expect(model.reports.all.count == 1 && model.files.isEmpty, "\(model.reports.all) \(model.files)")
    }

    @Test("what a process that died has left is taken over, and what one left of another model is removed")
    func leftovers() throws {
        let model = try PreparedModel()
        let expected = try model.load(.int8, store: model.store)
        let path = "\(model.cache)/\(model.files[0])"
        try FileManager.default.moveItem(atPath: path, toPath: "\(path).tmp")
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(model.cache)/other.unet.int8.0.safetensors.tmp"))
        #expect(try model.load(.int8, store: model.store) == expected)
        #expect(model.files.count == 1 && model.reports.all.isEmpty)
    }

    @Test("several that load the same model at once share one file")
    func together() async throws {
        let model = try PreparedModel()
        let expected = try model.load(.int8, store: nil).results
        let path = model.path, cache = model.cache
        let results = try await withThrowingTaskGroup(of: [Float].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let twin = PreparedModel(sharing: path, cache: cache)
                    return try twin.load(.int8, store: twin.store).results
                }
            }
            return try await group.reduce(into: [[Float]]()) { $0.append($1) }
        }
        #expect(results.allSatisfy { $0 == expected })
        #expect(model.files.count == 1)
    }
}
