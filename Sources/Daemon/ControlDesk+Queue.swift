import JobStore
import Jobs
import Rendering
import Varlink

extension ControlDesk {
    func addQueueMethods(to router: inout Router) {
        router.on(Submit.self) { parameters throws(CallError) in
            let (request, initImage) = try read(parameters.job)
            return try answer { try await submit(request, initImage, name: parameters.name) }
        }
        router.on(List.self) { parameters throws(CallError) in try answer { try await list(parameters) } }
        router.on(Show.self) { reference throws(CallError) in
            try answer {
                let job = try await find(reference)
                return JobProgress(job: info(job), progress: board.progress(of: job.id))
            }
        }
        router.on(Cancel.self) { reference throws(CallError) in
            try answer { JobReply(job: info(try await store.cancel(find(reference).id, at: .now))) }
        }
        router.on(Retry.self) { reference throws(CallError) in
            try answer { JobReply(job: info(try await store.retry(find(reference).id, at: .now))) }
        }
        router.on(Pause.self) { _ throws(CallError) in
            try answer { try await store.setPaused(true) }
            return Nothing()
        }
        router.on(Resume.self) { _ throws(CallError) in
            try answer { try await store.setPaused(false) }
            return Nothing()
        }
    }

    /// The same way into the queue as a file's, so that the same rules hold; only there is no file.
    private func submit(
        _ request: JobRequest, _ initImage: InitImageFile?, name: String?
    ) async throws -> Submit.Reply {
        let plan = try outlook.plan(request, initImage)
        let stem = ResultName(sanitizing: name ?? "job")
        let submission = Submission(
            intake: IntakeID(time: .now, entropy: .random(in: 0...UInt32.max)), fileName: "\(stem).json",
            bytes: request.encoded())
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
        let filter = JobFilter(states: Set(parameters.states ?? []), limit: min(limit, 10_000))
        return List.Reply(jobs: try await store.list(filter).map(info))
    }
}
