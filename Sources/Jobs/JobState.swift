//              claim                 finish
//   queued ───────────────► running ─────────► succeeded
//    │  ▲ ▲  fail(transient),  │ │
//    │  │ └── orphan, release ─┘ ├ fail(permanent) ─► failed ────┐
//    │  │                        │                               │
//    │  │                 cancel └──────────► cancelled ──┐      │
//    └──┼─── cancel ────────────────────────────▲         │      │
//       └──────────────────────────── retry ──────────────┴──────┘

/// Where a job stands in its life.
public enum JobState: String, Codable, CaseIterable, Sendable {
    /// Waits for the worker.
    case queued
    /// Claimed by the worker.
    case running
    /// Its picture is in `done/`.
    case succeeded
    /// Gave up; `failed/` says why.
    case failed
    /// Somebody did not want it any more.
    case cancelled

    /// What happens to a job.
    public enum Event: Hashable, Sendable {
        /// The worker takes it up, which counts an attempt.
        case claim
        /// Its result is in place.
        case finish
        /// The work failed; a transient failure is worth another attempt.
        case fail(JobFailure.Kind)
        /// Its daemon died; the attempt stays counted.
        case orphan
        /// Its daemon stops or lacks room; the attempt is given back.
        case release
        /// Somebody does not want it any more.
        case cancel
        /// Somebody wants it again, with all of its attempts.
        case retry
    }

    /// An event that the state does not allow.
    public struct IllegalTransition: Error, Equatable, Sendable, CustomStringConvertible {
        /// The state that the job was in.
        public let from: JobState
        /// What was asked of it.
        public let event: Event

        /// What the job is, and what it cannot do.
        public var description: String { "a job that is \(from.rawValue) cannot \(event.verb)" }
    }

    /// The state after `event`. This is the only place that says which transitions are legal.
    public func applying(_ event: Event) throws(IllegalTransition) -> JobState {
        switch (self, event) {
        case (.queued, .claim): .running
        case (.running, .finish): .succeeded
        case (.running, .fail(.permanent)): .failed
        case (.running, .fail(.transient)), (.running, .orphan), (.running, .release): .queued
        case (.queued, .cancel), (.running, .cancel): .cancelled
        case (.failed, .retry), (.cancelled, .retry): .queued
        default: throw IllegalTransition(from: self, event: event)
        }
    }

    /// Whether nothing but a retry can happen any more.
    public var isFinal: Bool {
        switch self {
        case .queued, .running: false
        case .succeeded, .failed, .cancelled: true
        }
    }
}

extension JobState.Event {
    fileprivate var verb: String {
        switch self {
        case .claim: "be claimed"
        case .finish: "finish"
        case .fail: "fail"
        case .orphan: "be orphaned"
        case .release: "be released"
        case .cancel: "be cancelled"
        case .retry: "be retried"
        }
    }
}
