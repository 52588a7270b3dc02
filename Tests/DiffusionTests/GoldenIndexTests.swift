import Diffusion
import Foundation
import Terms
import Testing

/// The fixtures themselves: all there, and covering what they should.
struct GoldenIndexTests {
    @Test("the index names files that exist, every sampler and every model")
    func coverage() throws {
        let index = try GoldenIndex.load()
        let more = try GoldenSamplers.load()
        let families = try #require(GoldenIndex.Families.shared)
        let runs = index.runs + more.runs + families.runs, imageRuns = index.imageRuns + more.imageRuns
        let files = runs.map(\.file) + imageRuns.map(\.file) + [index.schedules.file, index.noise.file]
        for file in files + (index.blocks + index.encoders).map(\.file) {
            #expect(try !GoldenTensors(file).names.isEmpty)
        }
        let samplers = Set(Sampler.allCases.map(\.rawValue))
        #expect(Set(runs.map(\.sampler)) == samplers)
        #expect(Set(imageRuns.map(\.sampler)) == samplers)
        #expect(Set(index.schedules.entries.map(\.sampler) + more.schedules.compactMap(\.sampler)) == samplers)
        let models = try FileManager.default.contentsOfDirectory(atPath: "\(GoldenIndex.folder)/models")
        #expect(Set(index.blocks.map(\.model)) == Set(models))
        #expect(Set(index.encoders.map(\.model)) == Set(models))
        #expect(Set(index.runs.map(\.model)) == Set(models))
        let others = try FileManager.default.contentsOfDirectory(atPath: "\(GoldenIndex.folder)/families")
        #expect(Set(families.runs.map(\.model)) == Set(others))
    }

    @Test("the fixtures stay under 30 MB")
    func size() throws {
        let files = FileManager.default.enumerator(atPath: GoldenIndex.folder)
        var bytes = 0
        while files?.nextObject() != nil {
            bytes += (files?.fileAttributes?[.size] as? NSNumber)?.intValue ?? 0
        }
        #expect(bytes > 1_000_000 && bytes < 30_000_000)
    }
}
