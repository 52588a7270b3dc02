/// Cuts a byte stream into messages.
///
///     bytes ──► append ──► buffer ──► next ──► one message, without its NUL
///
/// A message is everything up to a NUL byte. A message longer than ``limit`` is an error as soon as that is known, so a
/// peer cannot make us keep more than the limit and one read; after an error the stream has no meaning any more.
public struct MessageDecoder: Sendable {
    /// The longest message in bytes, its NUL not counted.
    public let limit: Int
    private var buffer: [UInt8] = []
    private var start = 0
    private var scanned = 0

    /// A decoder that accepts messages of up to `limit` bytes.
    public init(limit: Int) {
        self.limit = limit
    }

    /// Whether part of a message has arrived, but not its end.
    public var isInsideMessage: Bool { start < buffer.count }

    /// How many bytes of it.
    public var unfinishedByteCount: Int { buffer.count - start }

    /// Takes what was read from the peer.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            scanned -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole message, or nil when more bytes are needed.
    public mutating func next() throws(VarlinkError) -> [UInt8]? {
        guard let end = buffer[scanned...].firstIndex(of: 0) else {
            scanned = buffer.count
            guard buffer.count - start <= limit else { throw .messageTooLong(limit: limit) }
            return nil
        }
        guard end - start <= limit else { throw .messageTooLong(limit: limit) }
        let message = Array(buffer[start..<end])
        start = end + 1
        scanned = start
        return message
    }
}
