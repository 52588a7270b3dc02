import Compute

/// A checksum of 64 bits for bytes that a disk or a crash may have damaged, as fast as memory is read; no defence against a forger.
///
/// Fletcher's sums (as ZFS's fletcher4 uses them) over a mebibyte at a time, of the 32-bit halves of 64-bit words in four lanes: a sum
/// of the words and a sum of the sums. No sum of halves overflows within a mebibyte, so damage to any two words of a lane is
/// always seen; the sums of all pieces are then mixed into one number.
enum Checksum {
    private static let pieceBytes = 1 << 20

    /// The checksum of all `bytes`.
    ///
    /// - Parameter release: called with each piece after it was read.
    static func of(
        _ bytes: UnsafeRawBufferPointer, release: (UnsafeRawBufferPointer) -> Void = { _ in }
    ) -> UInt64 {
        var total = mixed(UInt64(bytes.count), 0)
        for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
            let end = min(bytes.count, start + pieceBytes)
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            total = piece(bytes, total)
            release(bytes)
        }
        return total
    }

    private static func piece(_ bytes: UnsafeRawBufferPointer, _ before: UInt64) -> UInt64 {
        guard let start = bytes.baseAddress else { return before }
        var sums = SIMD4<UInt64>(), sumsOfSums = SIMD4<UInt64>()
        // Sums of the words may overflow. Those of their upper halves do not, and make the sums of the lower halves exact as well.
        var highs = SIMD4<UInt64>(), sumsOfHighs = SIMD4<UInt64>()
        let whole = bytes.count / 32 * 32
        var index = 0
        while index < whole {
            let words = (start + index).loadUnaligned(as: SIMD4<UInt64>.self)
            sums &+= words
            highs &+= words &>> 32
            sumsOfSums &+= sums
            sumsOfHighs &+= highs
            index += 32
        }
        var total = before
        for lane in 0..<4 {
            for sum in [sums[lane], sumsOfSums[lane], highs[lane], sumsOfHighs[lane]] { total = mixed(total, sum) }
        }
        for index in whole..<bytes.count { total = mixed(total, UInt64(bytes[index])) }
        return total
    }

    private static func mixed(_ total: UInt64, _ word: UInt64) -> UInt64 {
        let product = (total ^ word).multipliedFullWidth(by: 0x9E37_79B1_85EB_CA87)
        return (product.low ^ product.high) &+ (total << 23 | total >> 41)
    }
}
