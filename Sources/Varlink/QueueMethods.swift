public import JSONText
public import Jobs
public import Planner

/// `org.latentd.Submit`: puts a job into the queue.
public enum Submit: Method {
    /// The full name.
    public static let name = "org.latentd.Submit"
    /// Only for peers that may control the daemon.
    public static let mutates = true

    /// The job and the NAME it would like.
    public struct Parameters: Codable, Sendable {
        /// A job as in a job file.
        public let job: JSONValue
        /// The result's NAME when the job does not say one.
        public let name: String?

        /// Submits `job` as `name`.
        public init(job: JSONValue, name: String?) {
            self.job = job
            self.name = name
        }
    }

    /// The queued job, or the one that was there already.
    public struct Reply: Codable, Sendable {
        /// The job.
        public let job: JobInfo
        /// A job of that id was there already and nothing changed.
        public let duplicate: Bool
        /// How it would be done now.
        public let plan: Plan

        /// A reply with these fields.
        public init(job: JobInfo, duplicate: Bool, plan: Plan) {
            self.job = job
            self.duplicate = duplicate
            self.plan = plan
        }
    }
}

/// `org.latentd.List`: jobs, the newest first, in pages of about 1 MiB.
public enum List: Method {
    /// The full name.
    public static let name = "org.latentd.List"
    /// For everybody who may connect.
    public static let mutates = false
    /// A page is long.
    public static let isLarge = true

    /// Which jobs.
    public struct Parameters: Codable, Sendable {
        /// Nil: any state.
        public let states: [JobState]?
        /// Nil: 100.
        public let limit: Int?
        /// What the page before this one said (`Reply.next`); nil for the first page.
        public let before: Int64?

        /// Asks for at most `limit` jobs in `states`, behind those of earlier pages.
        public init(states: [JobState]? = nil, limit: Int? = nil, before: Int64? = nil) {
            self.states = states
            self.limit = limit
            self.before = before
        }
    }

    /// The jobs.
    public struct Reply: Codable, Sendable {
        /// The newest first; fewer than the limit where they would be more than a page.
        public let jobs: [JobInfo]
        /// Where the next page begins; nil when nothing follows.
        public let next: Int64?

        /// A page with `jobs`.
        public init(jobs: [JobInfo], next: Int64? = nil) {
            self.jobs = jobs
            self.next = next
        }
    }
}

/// The id of a job, as several methods take it.
public struct JobReference: Codable, Sendable {
    /// The job's id, or its name.
    public let id: String

    /// The job `id`.
    public init(id: String) { self.id = id }
}

/// A job, as several methods answer it.
public struct JobReply: Codable, Sendable {
    /// The job as it is now.
    public let job: JobInfo

    /// A reply with `job`.
    public init(job: JobInfo) { self.job = job }
}

/// A job and how far it is.
public struct JobProgress: Codable, Sendable, Equatable {
    /// The job as it is now.
    public let job: JobInfo
    /// Nil unless it runs.
    public let progress: ProgressInfo?

    /// A reply with these fields.
    public init(job: JobInfo, progress: ProgressInfo?) {
        self.job = job
        self.progress = progress
    }
}

/// `org.latentd.Show`: one job.
public enum Show: Method {
    /// The full name.
    public static let name = "org.latentd.Show"
    /// For everybody who may connect.
    public static let mutates = false
    /// Which job.
    public typealias Parameters = JobReference
    /// The job and how far it is.
    public typealias Reply = JobProgress
}

/// `org.latentd.Cancel`: takes a job out of the queue, or stops it, in the middle of a step.
public enum Cancel: Method {
    /// The full name.
    public static let name = "org.latentd.Cancel"
    /// Only for peers that may control the daemon.
    public static let mutates = true
    /// Which job.
    public typealias Parameters = JobReference
    /// The job after it.
    public typealias Reply = JobReply
}

/// `org.latentd.Retry`: queues a failed or cancelled job again.
public enum Retry: Method {
    /// The full name.
    public static let name = "org.latentd.Retry"
    /// Only for peers that may control the daemon.
    public static let mutates = true
    /// Which job.
    public typealias Parameters = JobReference
    /// The job after it.
    public typealias Reply = JobReply
}

/// `org.latentd.Watch`: every change of one job until it ends.
public enum Watch: Method {
    /// The full name.
    public static let name = "org.latentd.Watch"
    /// For everybody who may connect.
    public static let mutates = false
    /// Which job.
    public typealias Parameters = JobReference
    /// The job and how far it is.
    public typealias Reply = JobProgress
}

/// `org.latentd.Subscribe`: every change of every job.
public enum Subscribe: Method {
    /// The full name.
    public static let name = "org.latentd.Subscribe"
    /// For everybody who may connect.
    public static let mutates = false
    /// None.
    public typealias Parameters = Nothing

    /// One change.
    public struct Reply: Codable, Sendable {
        /// Nil in the only reply of a caller that did not ask for more, when nothing runs.
        public let job: JobInfo?
        /// Nil unless it runs.
        public let progress: ProgressInfo?

        /// A reply with these fields.
        public init(job: JobInfo?, progress: ProgressInfo?) {
            self.job = job
            self.progress = progress
        }
    }
}
