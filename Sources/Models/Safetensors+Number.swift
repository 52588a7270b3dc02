import Compute

extension Safetensors {
    /// The one number of a tensor, of whatever type: integers exactly, as long as a double can be.
    ///
    /// - Precondition: `entry` has one element.
    func number(_ entry: Entry) -> Double {
        precondition(entry.count == 1, "a tensor of \(entry.count) elements is not one number")
        return file.withBytes { bytes in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[entry.range])
            func bits<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type) -> Integer {
                Integer(littleEndian: bytes.loadUnaligned(as: type))
            }
            switch entry.format {
            case .bool: return bytes[0] == 0 ? 0 : 1
            case .u8: return Double(bits(UInt8.self))
            case .i8: return Double(bits(Int8.self))
            case .u16: return Double(bits(UInt16.self))
            case .i16: return Double(bits(Int16.self))
            case .u32: return Double(bits(UInt32.self))
            case .i32: return Double(bits(Int32.self))
            case .u64: return Double(bits(UInt64.self))
            case .i64: return Double(bits(Int64.self))
            case .f64: return Double(bitPattern: bits(UInt64.self))
            case .f32: return Double(Float(bitPattern: bits(UInt32.self)))
            case .bf16: return Double(Float(bitPattern: UInt32(bits(UInt16.self)) << 16))
            case .f16:
                var value: Float = 0
                withUnsafeMutablePointer(to: &value) { target in
                    guard let start = bytes.baseAddress else { return }
                    Conversion.toFloat(
                        start, type: .float16, into: UnsafeMutableBufferPointer(start: target, count: 1))
                }
                return Double(value)
            }
        }
    }
}
