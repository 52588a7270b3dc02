import Jobs
import Testing

struct JobStateTests {
    static let events: [JobState.Event] = [
        .claim, .finish, .fail(.transient), .fail(.permanent), .orphan, .release, .cancel, .retry,
    ]

    /// Rows: states; columns: `events`. A dot is illegal.
    static let table: [(JobState, [JobState?])] = [
        (.queued, [.running, nil, nil, nil, nil, nil, .cancelled, nil]),
        (.running, [nil, .succeeded, .queued, .failed, .queued, .queued, .cancelled, nil]),
        (.succeeded, [nil, nil, nil, nil, nil, nil, nil, nil]),
        (.failed, [nil, nil, nil, nil, nil, nil, nil, .queued]),
        (.cancelled, [nil, nil, nil, nil, nil, nil, nil, .queued]),
    ]

    @Test func `Every state answers every event as the table says`() {
        #expect(Self.table.map(\.0) == JobState.allCases)
        for (state, row) in Self.table {
            for (event, expected) in zip(Self.events, row) {
                if let expected {
                    #expect((try? state.applying(event)) == expected, "\(state) \(event)")
                } else {
                    #expect(throws: JobState.IllegalTransition.self, "\(state) \(event)") { try state.applying(event) }
                }
            }
        }
    }

    @Test func `A final state is left by nothing but a retry`() {
        for (state, row) in Self.table {
            let ways = zip(Self.events, row).filter { $0.1 != nil }.map(\.0)
            #expect(state.isFinal == ways.allSatisfy { $0 == .retry }, "\(state)")
        }
    }

    @Test func `An illegal transition says what was asked of what`() throws {
        let error = try #require(throws: JobState.IllegalTransition.self) { try JobState.succeeded.applying(.cancel) }
        #expect(error.description == "a job that is succeeded cannot be cancelled")
    }
}
