import Foundation
import Images
import Jobs
import Models
import Planner
import Rendering
import Testing

/// What the release 0.1.0 left behind (`Tests/Fixtures/releases`), read by this version.
@Suite("Files of the release 0.1.0")
struct ReleaseTests {
    private let folder = "\(fixtureModels)/../releases/0.1.0"

    private func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) }

    @Test("A record is read, and its job draws the same picture")
    func record() throws {
        let record = try JSONDecoder().decode(ResultRecord.self, from: data("done/apple.json"))
        #expect(record.version == "0.1.0")
        #expect(record.id?.rawValue == "done" && record.name == "apple")
        #expect(record.request.prompt == "a red apple")
        #expect(record.job.seed == 7 && record.job.steps == 3 && record.job.precision == .int8)
        #expect(record.model.name == "tiny" && record.plan.variant.model == "tiny")
        #expect(record.queue?.attempts == 1)
        let seed = try #require(record.job.seed)
        let again = try renderer().render(record.job, seed: seed)
        #expect(again.record.model.sha256 == record.model.sha256)
        // Across instruction sets the pixels may differ a little; the bytes of the file then do too.
        if record.host.isa == again.record.host.isa {
            #expect(again.record.picture.bitstreamSHA256 == record.picture.bitstreamSHA256)
        }
    }

    @Test("A picture tells how it was made, and its job is still a job")
    func picture() throws {
        let report = try PictureReport(webp: [UInt8](data("done/apple.webp")))
        #expect(report.metadata.prompt == "a red apple" && report.metadata.version == "0.1.0")
        let job = try JSONDecoder().decode(JobRequest.self, from: Data(report.job.utf8))
        #expect(job.model == "tiny" && job.precision == .int8 && job.seed == 7)
    }

    @Test("What calibration learned of each precision is read")
    func calibration() throws {
        let lines = try data("calibration.jsonl").split(separator: UInt8(ascii: "\n"))
        let costs = try lines.map { try JSONDecoder().decode(MemberCosts.self, from: $0) }
        #expect(Set(costs.map(\.precision)) == Set(Precision.allCases))
        for member in costs { #expect(member.times(in: .together) != nil) }
    }

    @Test("Prepared weights of the same version have the same bytes")
    func preparedWeights() throws {
        let cache = try ModelDirectory([:])
        _ = try renderer(cache: cache.path).render(tinyJob { $0.precision = .int8 })
        let made = try prepared(in: "\(cache.path)/prepared"), kept = try prepared(in: "\(folder)/prepared")
        #expect(kept.keys.sorted() == ["text_encoder", "unet", "vae"])
        for (component, old) in kept {
            let new = try #require(made[component])
            // An older version is not read at all: its weights are prepared anew.
            guard new.metadata["version"] == old.metadata["version"] else { continue }
            #expect(new.entries.mapValues(\.shape) == old.entries.mapValues(\.shape), "\(component)")
            // The checksums cover the header as well, where the paths of the model's files are.
            for (name, entry) in old.entries where name != "checksums" {
                let same = try #require(new[name]).withBytes { new in entry.withBytes { new.elementsEqual($0) } }
                #expect(same, "\(component): \(name)")
            }
        }
    }

    /// The prepared files of a folder by their components.
    private func prepared(in folder: String) throws -> [String: TensorArchive] {
        var files: [String: TensorArchive] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".safetensors") {
            files[String(name.split(separator: ".")[1])] = try TensorArchive(file: "\(folder)/\(name)")
        }
        return files
    }
}
