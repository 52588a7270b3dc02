import CKernels

/// Conversions between element types in memory.
public enum Conversion {
    /// Converts `target.count` elements of `type` at `source` (any alignment) to floats.
    public static func toFloat(_ source: UnsafeRawPointer, type: ElementType, into target: UnsafeMutableBufferPointer<Float>)
    {
        _ = (source, type, target)
    }
}
