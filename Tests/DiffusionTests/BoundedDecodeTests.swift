import Compute
import Diffusion
import Foundation
import Models
import Testing

/// The decode within a limit of memory against the decode of the whole picture.
@Suite(.serialized)
struct BoundedDecodeTests {
    static let models = ["sd1", "odd", "tiny", "lcm"]

    @Test("in any number of bands, kept as floats, the picture is the picture", arguments: models, [256, 1 << 40])
    func floats(_ model: String, _ limit: Int) throws {
        let decode = try Decode(model, .fp32, height: 25, width: 33)
        let whole = try decode.whole()
        let least = decode.least(usesScratch: false)
        let plan = try decode.plan(max(limit, least * 2), usesScratch: false)
        let bounded = try decode.bounded(plan)
        #expect(difference(whole, bounded) <= 2e-5 || plan.isRounded)
    }

    @Test("in the least memory, with a scratch file, it is the picture to a part of a level", arguments: models)
    func least(_ model: String) throws {
        let decode = try Decode(model, .fp32, height: 25, width: 33)
        let whole = try decode.whole()
        let least = decode.least(usesScratch: true)
        let plan = try decode.plan(least, usesScratch: true)
        #expect(plan.peakBytes <= least)
        let bounded = try decode.bounded(plan)
        #expect(difference(whole, bounded) <= 2.0 / 255 / 16)
    }

    @Test("an encoder, too, gives the same in bands", arguments: models)
    func encoder(_ model: String) throws {
        let encoder = try Encoder(ModelFolder(path: GoldenIndex.model(model)))
        let pool = try ThreadPool(threads: 2), height = 72, width = 104
        var random = RandomSourceKind.latentd.source(seed: 3)
        let picture = random.normals(height * width * 3)
        let evaluation = Evaluation(try Context(arena: Arena(capacity: 64 << 20), pool: pool))
        let image = evaluation.context.tensor(Shape(n: 1, h: height, w: width, c: 3), picture)
        let whole = encoder(image, evaluation).array()
        for limit in [1 << 40, 0] {
            let plan: BoundedPlan
            do throws(DiffusionError) {
                plan = try encoder.plan(height: height, width: width, limitBytes: limit, usesScratch: true, pool: pool)
            } catch {
                guard case .insufficientMemory(.encoder, let least, 0) = error else { throw error }
                plan = try encoder.plan(height: height, width: width, limitBytes: least, usesScratch: true, pool: pool)
                #expect(plan.peakBytes <= least)
            }
            let bounded = Evaluation(try Context(arena: Arena(capacity: plan.activationBytes), pool: pool))
            let latents = try encoder(
                height: height, width: width, within: plan, scratchDirectory: NSTemporaryDirectory(), bounded
            ) { rows, band in
                for row in rows {
                    let line = row * width * 3
                    _ = band.rows(row - rows.lowerBound..<row - rows.lowerBound + 1).floats
                        .update(from: picture[line..<line + width * 3])
                }
            }
            #expect(difference(whole, latents.array()) <= 1e-3)
        }
    }

    @Test("what no plan can do is refused with the least that would do", arguments: models)
    func refusal(_ model: String) throws {
        let decode = try Decode(model, .fp32, height: 8, width: 8)
        #expect(throws: DiffusionError.self) { try decode.plan(decode.least(usesScratch: true) - 1, usesScratch: true) }
        #expect(throws: DiffusionError.self) { try decode.plan(0, usesScratch: true) }
    }
}

/// One decoder and some latents.
struct Decode {
    let decoder: Decoder
    let pool: ThreadPool
    let shape: Shape
    let latents: [Float]

    init(_ model: String, _ precision: WeightPrecision, height: Int, width: Int, store: PreparedStore? = nil) throws {
        let folder = try ModelFolder(path: model.hasPrefix("/") ? model : GoldenIndex.model(model))
        pool = try ThreadPool(threads: 2)
        var preparation = Preparation(precision, rules: folder.form.rules, store: store)
        preparation.pool = pool
        decoder = try Decoder(folder, preparation)
        shape = Shape(n: 1, h: height, w: width, c: 4)
        var random = RandomSourceKind.latentd.source(seed: 7)
        latents = random.normals(shape.count)
    }

    func evaluation(_ bytes: Int) throws -> Evaluation {
        Evaluation(try Context(arena: Arena(capacity: bytes), pool: pool))
    }

    func whole() throws -> [Float] {
        let measuring = Evaluation(try Context(arena: Arena(), pool: pool))
        _ = decoder(measuring.context.tensor(shape), measuring)
        let evaluation = try evaluation(measuring.context.arena.peakBytes + 4 * shape.count)
        return decoder(evaluation.context.tensor(shape, latents), evaluation).array()
    }

    func plan(_ limit: Int, usesScratch: Bool) throws -> BoundedPlan {
        try decoder.plan(shape, limitBytes: limit, usesScratch: usesScratch, pool: pool)
    }

    func least(usesScratch: Bool) -> Int {
        do {
            _ = try plan(0, usesScratch: usesScratch)
            return 0
        } catch DiffusionError.insufficientMemory(_, let least, _) {
            return least
        } catch {
            Issue.record("\(error)")
            return 0
        }
    }

    func bounded(_ plan: BoundedPlan) throws -> [Float] {
        let evaluation = try evaluation(plan.activationBytes)
        var rows: [Float] = []
        let folder = NSTemporaryDirectory()
        try decoder(
            evaluation.context.tensor(shape, latents), within: plan, scratchDirectory: folder, evaluation
        ) { (band, row) throws(DiffusionError) in
            rows += band.array()
        }
        #expect(evaluation.context.arena.peakBytes <= plan.activationBytes)
        return rows
    }
}

func difference(_ one: [Float], _ other: [Float]) -> Float {
    guard one.count == other.count else { return .infinity }
    return zip(one, other).reduce(0) { max($0, abs($1.0 - $1.1)) }
}
