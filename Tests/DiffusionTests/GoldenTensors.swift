import Models

/// The tensors of a golden file, read in full.
struct GoldenTensors {
    private let archive: TensorArchive

    /// Opens a file below the fixtures' `golden` folder.
    init(_ name: String) throws {
        archive = try TensorArchive(file: "\(GoldenIndex.folder)/golden/\(name)")
    }

    /// All names, sorted.
    var names: [String] { archive.names.sorted() }

    func shape(_ name: String) throws -> [Int] { try entry(name, .f32, .i32, .u8).shape }

    func floats(_ name: String) throws -> [Float] { elements(try entry(name, .f32)) }

    func integers(_ name: String) throws -> [Int32] { elements(try entry(name, .i32)) }

    func bytes(_ name: String) throws -> [UInt8] { elements(try entry(name, .u8)) }

    private func elements<Element: BitwiseCopyable>(_ entry: TensorEntry) -> [Element] {
        entry.withBytes { bytes in
            stride(from: 0, to: bytes.count, by: MemoryLayout<Element>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: Element.self)
            }
        }
    }

    /// A channels-first tensor `[N, C, H, W]` with its channels last; anything else as it is.
    func channelsLast(_ name: String) throws -> [Float] {
        let shape = try shape(name)
        let values = try floats(name)
        return shape.count == 4 ? GoldenTensors.channelsLast(values, shape) : values
    }

    static func channelsLast(_ values: [Float], _ shape: [Int]) -> [Float] {
        let (channels, pixels) = (shape[1], shape[2] * shape[3])
        var result = [Float](repeating: 0, count: values.count)
        for (index, value) in values.enumerated() {
            let (image, rest) = index.quotientAndRemainder(dividingBy: channels * pixels)
            let (channel, pixel) = rest.quotientAndRemainder(dividingBy: pixels)
            result[(image * pixels + pixel) * channels + channel] = value
        }
        return result
    }

    private func entry(_ name: String, _ formats: TensorFormat...) throws -> TensorEntry {
        guard let entry = archive[name], formats.contains(entry.format) else {
            throw GoldenError.noTensor(name: name, file: archive.file)
        }
        return entry
    }
}

/// A fixture is not what the tests take it for.
enum GoldenError: Error {
    case noTensor(name: String, file: String)
    case noValue(name: String)
}
