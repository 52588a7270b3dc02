/// What can be wrong with a picture that came from outside, or with one that is asked for.
public enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes do not begin as a WebP does.
    case notWebP
    /// The bytes end before the picture does.
    case truncated
    /// The bytes are a WebP's, but damaged.
    case corrupt(String)
    /// More than one frame.
    case animated
    /// More pixels than the caller allows.
    case tooLarge(width: Int, height: Int, maximumPixels: Int)
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
        case .truncated: "The WebP picture is cut short."
        case .corrupt(let reason): "The WebP picture is damaged: \(reason)."
        case .animated: "The WebP picture is animated; only still pictures are read."
        case .tooLarge(let width, let height, let maximum):
            "The WebP picture is \(width) x \(height); at most \(maximum) pixels are read."
        case .unencodableSize(let width, let height):
            "A WebP picture cannot be \(width) x \(height): each side is 1 to 16383 pixels."
        case .encoding(let code): "libwebp could not encode the picture (its error \(code))."
        case .noMetadata: "The picture carries no metadata of latentd."
        case .badMetadata(let reason): "The picture's metadata cannot be read: \(reason)."
        }
    }
}
