import Compute

/// One tensor of an archive: what it is, and where its bytes lie.
public struct TensorEntry: Sendable {
    /// What its file calls it, for messages. A view of the archive may know it by another name.
    public let name: String
    /// How the elements are stored.
    public let format: TensorFormat
    /// The extents, slowest first; empty for a scalar.
    public let shape: [Int]
    /// The file that holds the bytes, and keeps them mapped.
    public let file: MappedFile
    /// Where the bytes are, from the start of the file.
    public let range: Range<Int>

    /// Elements.
    public var count: Int { range.count / format.byteCount * format.elementCount }

    /// The bytes, for callers that keep the entry, or its file, as long as they use them. All others use `withBytes`.
    ///
    /// ## Easy to get wrong
    /// Reading this property may be the last use of the file, which is then unmapped before the bytes are read.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[range]) }

    /// Hands out the bytes, and keeps the file mapped until `body` returns.
    public func withBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(file) {} }
        return try body(bytes)
    }

    /// The elements as floats.
    ///
    /// - Precondition: the format `isReal`.
    public func floats() -> [Float] {
        Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            write(into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }

    /// Writes the elements as floats.
    ///
    /// - Precondition: the format `isReal`, and the target has room for `count` floats and no more.
    func write(into target: UnsafeMutableBufferPointer<Float>) {
        precondition(format.isReal && target.count == count, "'\(name)' is not \(target.count) floats")
        withBytes { bytes in
            guard let source = bytes.baseAddress, let start = target.baseAddress else { return }
            if let blocks = format.blocks { blocks.decode(0..<count, of: bytes, into: start) }
            if let type = format.elementType { Conversion.toFloat(source, type: type, into: target) }
        }
    }

    /// The one number of a tensor, of whatever type: integers exactly, as long as a double can be.
    ///
    /// - Precondition: the tensor has one element.
    var number: Double {
        precondition(count == 1, "a tensor of \(count) elements is not one number")
        return withBytes { bytes in
            func bits<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type) -> Integer {
                Integer(littleEndian: bytes.loadUnaligned(as: type))
            }
            switch format {
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
            case .f16, .bf16, .f32: return Double(floats()[0])
            case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_k, .q3_k, .q4_k, .q5_k, .q6_k:
                preconditionFailure("a block is more than one number")
            }
        }
    }

    /// One of `count` equal parts of the rows.
    ///
    /// - Throws: `badTensor` where the rows cannot be divided so.
    public func rows(_ index: Int, of count: Int) throws(ModelError) -> TensorEntry {
        guard let rows = shape.first, rows.isMultiple(of: count), range.count.isMultiple(of: count) else {
            throw .badTensor(file: file.path, name: name, reason: "its shape \(shape) is not \(count) equal parts")
        }
        let bytes = range.count / count, start = range.lowerBound + index * bytes
        return TensorEntry(
            name: name, format: format, shape: [rows / count] + shape.dropFirst(), file: file,
            range: start..<start + bytes)
    }

    /// A matrix with its columns as rows, in private memory.
    ///
    /// - Throws: `badTensor` where it is no matrix, or its elements do not stand by themselves.
    public func transposed() throws(ModelError) -> TensorEntry {
        guard shape.count == 2, format.elementType != nil else {
            throw .badTensor(file: file.path, name: name, reason: "it is not a matrix of floating-point numbers")
        }
        let size = format.byteCount, (rows, columns) = (shape[0], shape[1])
        let copy = [UInt8](unsafeUninitializedCapacity: range.count) { target, initialized in
            file.withBytes { source in
                for row in 0..<rows {
                    for column in 0..<columns {
                        for byte in 0..<size {
                            target[(column * rows + row) * size + byte] =
                                source[range.lowerBound + (row * columns + column) * size + byte]
                        }
                    }
                }
            }
            initialized = range.count
        }
        let memory = try MappedFile(contents: copy, path: file.path)
        return TensorEntry(name: name, format: format, shape: [columns, rows], file: memory, range: 0..<copy.count)
    }

    /// Says that the bytes are not needed soon: their pages leave this process's memory, and come back when they are read.
    func release() { file.release(bytes) }
}
