import Foundation

/// `Tests/Fixtures/samplers.json`: what diffusers makes of scheduler files, as `generator/samplers.py` lists it.
struct GoldenSamplers: Decodable {
    /// A walk over made-up network answers, or what kept diffusers from it.
    struct Walk: Decodable, CustomStringConvertible {
        /// `scheduler_config.json`.
        let file: Raw
        /// The class in `model_index.json`; nil where the file stands alone.
        let index: String?
        /// The job's; nil where it names none.
        let sampler: String?
        let steps: Int
        /// Of a walk that begins with a picture.
        let strength: Double?
        let error: String?
        let timesteps: [Float]?
        let noiseScale: Float?
        /// After the last step.
        let latents: [Float]?
        /// The mean size of the latents, summed over all steps.
        let sizes: Double?

        var description: String {
            let file = (try? JSONSerialization.data(withJSONObject: file.members, options: .sortedKeys)) ?? Data()
            return "\(index ?? "-"), \(sampler ?? "-"), \(steps) steps, strength \(strength ?? 1): "
                + String(decoding: file, as: UTF8.self)
        }
    }

    /// A JSON object as it is.
    struct Raw: Decodable, @unchecked Sendable {
        let members: [String: Any]

        init(from decoder: any Decoder) throws {
            let values = try decoder.singleValueContainer().decode([String: Value].self)
            members = values.mapValues(\.any)
        }

        private enum Value: Decodable {
            case null, bool(Bool), number(Double), string(String), array([Value])

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if container.decodeNil() {
                    self = .null
                } else if let bool = try? container.decode(Bool.self) {
                    self = .bool(bool)
                } else if let number = try? container.decode(Double.self) {
                    self = .number(number)
                } else if let string = try? container.decode(String.self) {
                    self = .string(string)
                } else {
                    self = .array(try container.decode([Value].self))
                }
            }

            var any: Any {
                switch self {
                case .null: NSNull()
                case .bool(let bool): bool
                case .number(let number): Int(exactly: number).map { $0 as Any } ?? number
                case .string(let string): string
                case .array(let elements): elements.map(\.any)
                }
            }
        }
    }

    /// PNDM and DDPM over many configurations.
    let schedules: [Walk]
    /// Random files under random classes.
    let combinations: [Walk]
    /// Whole pictures of the two.
    let runs: [GoldenIndex.Run]
    let imageRuns: [GoldenIndex.ImageRun]

    /// Seed of a walk's noise and picture; its own draws have the next one.
    static let seed: UInt64 = 4711

    /// The made-up network's answer to a sample of four channels of four pixels: half of the channel before, and a wave.
    static func answer(_ input: [Float], _ timestep: Float) -> [Float] {
        input.indices.map { 0.5 * input[($0 + 12) % 16] + 0.5 * cos(timestep) }
    }

    /// Reads the index. The members of a scheduler file keep their names.
    static func load() throws -> GoldenSamplers {
        let url = URL(fileURLWithPath: "\(GoldenIndex.folder)/samplers.json")
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        decoder.keyDecodingStrategy = .custom { path in
            guard let last = path.last else { preconditionFailure("A key has a path.") }
            return path.contains { $0.stringValue == "file" } ? last : Key(last)
        }
        return try decoder.decode(GoldenSamplers.self, from: Data(contentsOf: url))
    }

    /// The index, or nothing: the tests that are not parameterized fail then.
    static let shared: GoldenSamplers? = try? load()

    /// `running_steps` to `runningSteps`.
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ key: any CodingKey) {
            let words = key.stringValue.split(separator: "_")
            stringValue = words.first.map { String($0) + words.dropFirst().map(\.capitalized).joined() } ?? ""
        }

        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
