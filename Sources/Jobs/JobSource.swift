/// Where a job came from: one element of one file that was taken into the spool.
public struct JobSource: Codable, Hashable, Sendable {
    /// The mark of the file's intake.
    public let intake: IntakeID
    /// The file's name in `incoming/`, for people; not safe in a path.
    public let file: String
    /// The element's position in the file, from 0.
    public let index: Int

    /// Element `index` of the file that was called `file`.
    public init(intake: IntakeID, file: String, index: Int) {
        self.intake = intake
        self.file = file
        self.index = index
    }
}
