import Testing
import Varlink

@Suite("Messages are cut out of any byte stream")
struct MessageDecoderTests {
    @Test("A stream cut at any place gives the same messages")
    func anyCut() throws {
        let stream = Array("{\"method\":\"a.B\"}\0\0{}\0rest".utf8)
        for cut in 0...stream.count {
            var decoder = MessageDecoder(limit: 64)
            var messages: [[UInt8]] = []
            for part in [stream[..<cut], stream[cut...]] {
                decoder.append(part)
                while let message = try decoder.next() { messages.append(message) }
            }
            #expect(messages == [Array("{\"method\":\"a.B\"}".utf8), [], Array("{}".utf8)])
            #expect(decoder.isInsideMessage)
        }
    }

    @Test("A message at the limit passes and one byte more is refused, ended or not")
    func limit() throws {
        var exact = MessageDecoder(limit: 4)
        exact.append([1, 2, 3, 4, 0])
        #expect(try exact.next() == [1, 2, 3, 4])
        for bytes: [UInt8] in [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]] {
            var decoder = MessageDecoder(limit: 4)
            decoder.append(bytes)
            #expect(throws: VarlinkError.messageTooLong(limit: 4)) { try decoder.next() }
        }
    }

    @Test("Random and damaged bytes are calls or errors, never a crash")
    func fuzz() {
        var random = SeededRandom(seed: 7)
        let good = Array(
            #"{"method":"org.latentd.Submit","parameters":{"job":{"prompt":"a","seed":18446744073709551615}},"more":true}"#
                .utf8)
        var calls = 0
        for round in 0..<20_000 {
            var bytes = good
            if round % 4 == 0 {
                bytes = (0..<Int.random(in: 0..<64, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            }
            for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: bytes[place...].prefix(9), at: place)
                }
            }
            var decoder = MessageDecoder(limit: 120)
            decoder.append(bytes + [0])
            do throws(VarlinkError) {
                while let message = try decoder.next() {
                    let call = try Call(message: message)
                    calls += 1
                    _ = try? call.parameters(Submit.Parameters.self)
                }
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(calls > 1000)
    }

    @Test("A value nested a hundred thousand deep is refused")
    func deep() {
        let depth = 100_000
        let message = Array(
            (#"{"method":"a.B","parameters":{"job":"# + String(repeating: "[", count: depth)
                + String(repeating: "]", count: depth) + "}}").utf8)
        #expect(throws: VarlinkError.self) { try Call(message: message) }
    }
}

/// SplitMix64: the same bytes in every run.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
