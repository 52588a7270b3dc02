import JobStore
import Jobs
import Rendering
import Varlink

extension ControlDesk {
    func addQueueMethods(to router: inout Router) {
        router.on(Submit.self) { parameters, caller throws(CallError) in
            let (request, initImage) = try read(parameters.job)
            return try answer {
                try await submit(request, initImage, name: parameters.name, owner: caller.peer.userID)
            }
        }
        router.on(List.self) { parameters throws(CallError) in try answer { try await list(parameters) } }
        router.on(Show.self) { reference, caller throws(CallError) in
            try answer {
                let job = try await find(reference, for: caller.peer)
                return JobProgress(job: info(job), progress: board.progress(of: job.id))
            }
        }
        router.on(Cancel.self) { reference, caller throws(CallError) in
            try answer {
                let job = try await find(reference, for: caller.peer)
                try authority.require(caller.peer, to: "cancel", job)
                return JobReply(job: info(try await store.cancel(job.id, at: .now)))
            }
        }
        router.on(Retry.self) { reference, caller throws(CallError) in
            try answer {
                let job = try await find(reference, for: caller.peer)
                try authority.require(caller.peer, to: "retry", job)
                return JobReply(job: info(try await store.retry(job.id, at: .now)))
            }
        }
        router.on(Pause.self) { _, caller throws(CallError) in
            try authority.requireAdministrator(caller.peer, to: "pause the queue")
            return try setPaused(true)
        }
        router.on(Resume.self) { _, caller throws(CallError) in
            try authority.requireAdministrator(caller.peer, to: "resume the queue")
            return try setPaused(false)
        }
    }

    private func setPaused(_ isPaused: Bool) throws(CallError) -> Nothing {
        try answer {
            try await store.setPaused(isPaused)
            return Nothing()
        }
    }

    /// The same way into the queue as a file's, so that the same rules hold; only there is no file.
    private func submit(
        _ request: JobRequest, _ initImage: InitImageFile?, name: String?, owner: UInt32
    ) async throws -> Submit.Reply {
        let plan = try outlook.plan(request, initImage)
        let stem = ResultName(sanitizing: name ?? "job")
        let submission = Submission(
            intake: IntakeID(time: .now, entropy: .random(in: 0...UInt32.max)), fileName: "\(stem).json",
            bytes: request.encoded(), owner: owner)
        let (disk, spool) = (disk, spool)
        let outcome = try await store.insert(submission, at: .now) { name in
            await disk.run { spool.isOccupied(name) }
        }
        guard let entry = outcome.jobs.first else {
            throw CallError.invalidJob(field: nil, message: outcome.rejections.first?.failure.message ?? "no job")
        }
        return Submit.Reply(job: info(entry.job), duplicate: !entry.isNew, plan: plan)
    }

    private func list(_ parameters: List.Parameters) async throws -> List.Reply {
        let limit = parameters.limit ?? 100
        guard limit > 0 else { throw CallError.invalidParameter("limit") }
        let filter = JobFilter(
            states: Set(parameters.states ?? []), limit: min(limit, 10_000), before: parameters.before,
            maximumBytes: Self.pageBytes)
        let page = try await store.page(filter)
        return List.Reply(jobs: page.jobs.map(info), next: page.next)
    }

    /// What the jobs of one page hold, about; a job that holds more is a page of its own.
    private static let pageBytes = 1 << 20
}
