import Foundation
import Jobs

extension Timestamp {
    /// The present, by the system's clock. Jobs, store and planner get their time from here and nowhere else.
    static var now: Timestamp {
        Timestamp(millisecondsSinceEpoch: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
    }
}

extension Duration {
    /// The duration as a number of seconds.
    var inSeconds: Double { self / .seconds(1) }
}
