/// MT19937 (Matsumoto and Nishimura, 1998), seeded as `std::mt19937` and torch do.
struct MersenneTwister {
    private var state: [UInt32]
    private var position = 624

    init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(624)
        for index in 1..<624 {
            let last = state[index - 1]
            state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(index))
        }
    }

    mutating func next() -> UInt32 {
        if position == 624 { refill() }
        var word = state[position]
        position += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9D2C_5680
        word ^= word << 15 & 0xEFC6_0000
        return word ^ word >> 18
    }

    /// Two words as one, the first in the high half: torch's `random64`.
    mutating func next64() -> UInt64 {
        let high = next()
        return UInt64(high) << 32 | UInt64(next())
    }

    private mutating func refill() {
        for index in 0..<624 {
            let mixed = state[index] & 0x8000_0000 | state[(index + 1) % 624] & 0x7FFF_FFFF
            state[index] = state[(index + 397) % 624] ^ mixed >> 1 ^ (mixed & 1) &* 0x9908_B0DF
        }
        position = 0
    }
}

extension MersenneTwister: Archived {
    init() { self.init(seed: 0) }

    mutating func archive(_ archive: inout Archive) {
        archive(&state)
        archive(&position)
        if state.count != 624 || !(0...624).contains(position) { archive.fail("it has no Mersenne twister's state") }
    }
}
