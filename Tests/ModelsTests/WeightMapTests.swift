import Compute
import Foundation
import Models
import Testing

/// Mapped weights leave memory and come back.
struct WeightMapTests {
    @Test("the regions of blocks cover what they hold, and no more than the windows around it")
    func regions() throws {
        let model = try PreparedModel()
        _ = try model.load(.fp32, store: model.store)
        let weights = try model.open(.fp32, store: model.store)
        let map = weights.map
        let linear = map.mappedBytes(under: "linear"), conv = map.mappedBytes(under: "conv")
        #expect(linear >= 96 * 64 * 4 && conv >= 80 * 64 * 9 * 4)
        #expect(linear <= 96 * 64 * 4 + 4 << 16)
        #expect(map.mappedBytes(under: "") >= weights.mappedBytes)
        #expect(map.mappedBytes(under: "") <= linear + conv)
        #expect(map.region(outside: ["conv"]).byteCount == linear)
        #expect(map.mappedBytes(under: "lin") == 0 && map.mappedBytes(under: "linear.weight") == 0)
    }

    @Test("weights that went come back as they were")
    func discarding() throws {
        let model = try PreparedModel()
        let alone = try model.load(.int8, store: nil)
        _ = try model.load(.int8, store: model.store)
        let again = try model.load(.int8, store: model.store) { weights in
            for path in ["linear", "conv", ""] {
                weights.map.willNeed(under: path)
                weights.map.discard(under: path)
            }
        }
        #expect(again.results == alone.results)
    }
}
