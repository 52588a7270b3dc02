/// What can be wrong with a picture that came from outside, or with one that is asked for.
public enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes do not begin as a WebP does.
    case notWebP
    /// The bytes begin as no picture does that we read.
    case unknownFormat
    /// The bytes end before the picture does.
    case truncated
    /// The bytes are a picture's, but damaged.
    case corrupt(String)
    /// More than one frame.
    case animated
    /// More pixels than the caller allows.
    case tooLarge(width: Int, height: Int, maximumPixels: Int)
    /// A side is longer than what is read of pictures from outside.
    case sideTooLong(width: Int, height: Int, maximumSide: Int)
    /// The caller asked to stop.
    case stopped
    /// The host has no memory to read it.
    case noMemory
    /// WebP holds sides of 1 to 16383 pixels.
    case unencodableSize(width: Int, height: Int)
    /// libwebp could not encode; memory, in practice.
    case encoding(code: Int)
    /// A WebP without the metadata that latentd writes.
    case noMetadata
    /// Metadata that is there but cannot be read.
    case badMetadata(String)

    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .notWebP: "The file is not a WebP picture."
        case .unknownFormat: "The file is neither a PNG nor a JPEG nor a WebP picture."
        case .truncated: "The picture is cut short."
        case .corrupt(let reason): "The picture is damaged: \(reason)."
        case .animated: "The picture is animated; only still pictures are read."
        case .noMemory: "There is no memory to read the picture."
        case .tooLarge(let width, let height, let maximum):
            "The picture is \(width) x \(height); at most \(maximum) pixels are read."
        case .sideTooLong(let width, let height, let maximum):
            "The picture is \(width) x \(height); sides of at most \(maximum) pixels are read."
        case .stopped: "The work on the picture was stopped."
        case .unencodableSize(let width, let height):
            "A WebP picture cannot be \(width) x \(height): each side is 1 to 16383 pixels."
        case .encoding(let code): "libwebp could not encode the picture (its error \(code))."
        case .noMetadata: "The picture carries no metadata of latentd."
        case .badMetadata(let reason): "The picture's metadata cannot be read: \(reason)."
        }
    }
}
