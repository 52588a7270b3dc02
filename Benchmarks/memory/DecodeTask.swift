import ArgumentParser
import Compute
import Diffusion
import Foundation
import Models

/// The process that decodes: `sweep` starts one for each measurement.
struct DecodeTask: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode-task", abstract: "Decodes in this process, and prints JSON.", shouldDisplay: false)

    @Argument var folder: String
    @Option var size: PictureSize
    @Option var precision = WeightPrecision.fp32
    @Option(help: "MiB that the process may have resident; unbounded without it.")
    var limit: Int?
    @Option(help: "Prepared weights.")
    var cache: String
    @Option var threads = 2
    @Option(help: "Where scratch files go.")
    var scratch: String
    @Option(help: "Where the picture goes, as rows of RGB bytes.")
    var output: String

    func run() throws {
        let clock = ContinuousClock()
        let model = try ModelFolder(path: folder)
        let pool = try ThreadPool(threads: threads)
        let preparation = Preparation(
            precision, rules: try model.precisionRules(), store: PreparedStore(directory: cache), pool: pool)
        // What the process takes by itself.
        let baselineBytes = ProcessStatus.bytes("VmRSS")
        let start = clock.now
        let decoder = try Decoder(model, preparation)
        let loadSeconds = (clock.now - start) / .seconds(1)
        let latents = try Latents(of: model, size)
        // A band of the picture on its way into the file: some rows as floats, and twice as bytes.
        let bandBytes = 32 * size.width * 3 * 6
        let reservedBytes = Self.reservedBytes + latents.values.count * MemoryLayout<Float>.stride + bandBytes
        guard FileManager.default.createFile(atPath: output, contents: nil) else {
            throw Failure("\(output) cannot be written")
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: output))

        let planning = clock.now
        let decode: any PictureDecode =
            if let limit {
                try BoundedDecode(
                    decoder, latents, pool, limitBytes: limit.mebibytes - baselineBytes - reservedBytes,
                    scratchDirectory: scratch)
            } else {
                UnboundedDecode(decoder: decoder, latents: latents, pool: pool)
            }
        let running = clock.now
        try decode.run(into: file)
        let measurement = DecodeMeasurement(
            peakBytes: ProcessStatus.bytes("VmHWM"),
            plannedPeakBytes: decode.plannedBytes.map { baselineBytes + reservedBytes + $0 },
            scratchBytes: decode.scratchBytes, loadSeconds: loadSeconds,
            planSeconds: (running - planning) / .seconds(1),
            seconds: (clock.now - running) / .seconds(1), schedule: decode.schedule)
        print(String(decoding: try JSONEncoder().encode(measurement), as: UTF8.self))
    }

    /// Pages of code that were not yet read.
    private static let reservedBytes = 6 << 20
}

/// Latents of a size whose numbers spread as those of a picture do.
struct Latents {
    let shape: Shape
    let values: [Float]

    init(of model: ModelFolder, _ size: PictureSize) throws {
        let factor = try Recipe(model).defaults.sizeFactor
        guard size.width % factor == 0, size.height % factor == 0 else {
            throw Failure("\(size) is no multiple of \(factor)")
        }
        let channels = try model.config("vae").integer("latent_channels")
        shape = Shape(n: 1, h: size.height / factor, w: size.width / factor, c: channels)
        var random = RandomSourceKind.latentd.source(seed: 1)
        values = random.normals(shape.count)
    }
}

extension WeightPrecision: @retroactive ExpressibleByArgument {}
