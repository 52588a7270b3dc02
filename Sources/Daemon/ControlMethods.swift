import Foundation
import JobStore
import Jobs
import Planner
import Rendering
import Varlink

// The methods of `org.latentd`, each on its connection's thread: those about jobs, those about the daemon, those that go on.

extension ControlDesk {
    func addQueueMethods(to router: inout Router) {
        router.on(Submit.self) { parameters, caller throws(CallError) in
            let (request, initImage) = try read(parameters.job)
            let plan = try answerHere { try outlook.plan(request, initImage) }
            return try answer {
                try await submit(request, plan, name: parameters.name, owner: caller.peer.userID)
            }
        }
        router.on(List.self) { parameters throws(CallError) in try answer { try await list(parameters) } }
        router.on(Show.self) { reference, caller throws(CallError) in
            let job = try find(reference, for: caller.peer)
            return JobProgress(job: info(job), progress: board.progress(of: job.id))
        }
        router.on(Cancel.self) { reference, caller throws(CallError) in
            let job = try find(reference, for: caller.peer)
            try authority.require(caller.peer, to: "cancel", job)
            return try answer { JobReply(job: info(try await store.cancel(job.id, at: clock.now()))) }
        }
        router.on(Retry.self) { reference, caller throws(CallError) in
            let job = try find(reference, for: caller.peer)
            try authority.require(caller.peer, to: "retry", job)
            return try answer { JobReply(job: info(try await store.retry(job.id, at: clock.now()))) }
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

    /// Puts a job into the queue in the same way as a file's, so that the same rules hold; only there is no file.
    private func submit(
        _ request: JobRequest, _ plan: Plan, name: String?, owner: UInt32
    ) async throws -> Submit.Reply {
        let stem = ResultName(sanitizing: name ?? "job")
        let submission = Submission(
            intake: IntakeID(time: clock.now(), entropy: .random(in: 0...UInt32.max)), fileName: "\(stem).json",
            bytes: request.encoded(), owner: owner)
        let outcome = try await store.insert(submission, at: clock.now()) { name in
            await disk.run { spool.isOccupied(name) }
        }
        guard let entry = outcome.jobs.first else {
            throw CallError.invalidJob(field: nil, message: outcome.rejections.first?.failure.message ?? "no job")
        }
        return Submit.Reply(job: info(entry.job), duplicate: !entry.isNew, plan: plan)
    }

    /// What the jobs of one page hold, about; a job that holds more is a page of its own.
    private static let pageBytes = 1 << 20

    private func list(_ parameters: List.Parameters) async throws -> List.Reply {
        let limit = parameters.limit ?? 100
        guard limit > 0 else { throw CallError.invalidParameter("limit") }
        let filter = JobFilter(
            states: Set(parameters.states ?? []), limit: min(limit, 10_000), before: parameters.before,
            maximumBytes: Self.pageBytes)
        let page = try await store.page(filter)
        return List.Reply(jobs: page.jobs.map(info), next: page.next)
    }

    private func setPaused(_ isPaused: Bool) throws(CallError) -> Nothing {
        try answer {
            try await store.setPaused(isPaused)
            return Nothing()
        }
    }
}

extension ControlDesk {
    func addDaemonMethods(to router: inout Router) {
        router.on(Status.self) { _ throws(CallError) in
            let residentBytes = residentBytes
            return try answer { try await status(residentBytes) }
        }
        router.on(Models.self) { _ throws(CallError) in Models.Reply(models: outlook.models()) }
        router.on(PlanJob.self) { parameters, caller throws(CallError) in
            let (request, initImage) = try read(parameters.job)
            // To measure while a picture is being made would mean to wait for it.
            guard board.running == nil else {
                return PlanJob.Reply(plan: try answerHere { try outlook.plan(request, initImage) })
            }
            return try answer(caller) { PlanJob.Reply(plan: try await plan(request, initImage)) }
        }
        router.on(Calibrate.self) { parameters, caller throws(CallError) in
            try authority.requireAdministrator(caller.peer, to: "calibrate")
            return try answer(caller) { Calibrate.Reply(calibrations: try await calibrate(parameters.model)) }
        }
    }

    private func status(_ residentBytes: Int) async throws -> StatusInfo {
        let counts = try await store.counts()
        var running: JobInfo?
        if let id = board.running, let job = try await store.job(id) { running = info(job) }
        return StatusInfo(
            version: Version.text, processID: Int(getpid()), uptimeSeconds: (clock.elapsed() - start) / .seconds(1),
            spool: spool.root.string, paused: try await store.isPaused(), waitingFor: board.waitingFor,
            counts: CountsInfo(
                queued: counts[.queued] ?? 0, running: counts[.running] ?? 0, succeeded: counts[.succeeded] ?? 0,
                failed: counts[.failed] ?? 0, cancelled: counts[.cancelled] ?? 0),
            running: running, progress: running.flatMap { board.progress(of: $0.id) }, isa: host.isa,
            blasCore: host.blasCore, residentBytes: residentBytes)
    }

    /// The second field of `/proc/self/statm` is resident pages; 0 where there is no such file.
    private var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
    }

    /// Plans a job, and measures before what was never measured.
    private func plan(_ request: JobRequest, _ initImage: InitImageFile?) async throws -> Plan {
        let (plan, learned) = try await inference.withStopFlag { flag in
            try await inference.plan(request, initImage, stop: flag) { _ in }
        }
        try await ledger.save(learned)
        return plan
    }

    private func calibrate(_ name: String?) async throws -> [CalibrationInfo] {
        let models = outlook.catalog.models.filter { name == nil || $0.facts.name == name }
        if models.isEmpty {
            throw CallError.unavailable(name.map { "there is no model \"\($0)\"" } ?? "no model is installed")
        }
        guard board.running == nil else {
            throw CallError.unavailable("a picture is being made; measure when the queue is idle")
        }
        var calibrations: [CalibrationInfo] = []
        for model in models {
            let costs = try await inference.withStopFlag { try await inference.calibrate(model, stop: $0) }
            try await ledger.save(costs)
            calibrations += costs.compactMap { CalibrationInfo(model: model.facts, costs: $0) }
        }
        return calibrations
    }
}

extension ControlDesk {
    func addMonitors(to router: inout Router) {
        router.stream(Watch.self) { reference, stream in try watch(reference, stream) }
        router.stream(Subscribe.self) { _, stream in try subscribe(stream) }
    }

    /// Every change of one job until it ends. Subscribes first and looks then, so that no change falls in between.
    private func watch(_ reference: JobReference, _ stream: ReplyStream<JobProgress>) throws -> JobProgress {
        let id = try find(reference, for: stream.peer).id
        return try board.withSubscription(to: id) { subscription in
            var last: JobProgress?
            while true {
                let current = try look(at: id)
                guard stream.isOpen, !current.job.state.isFinal else { return current }
                if current != last { try stream.send(current) }
                last = current
                guard stream.wait(for: subscription.wakeup) else { return current }
                _ = subscription.take()
            }
        }
    }

    /// Every change of every job until the caller hangs up.
    private func subscribe(_ stream: ReplyStream<Subscribe.Reply>) throws -> Subscribe.Reply {
        guard stream.isOpen else {
            guard let id = board.running else { return Subscribe.Reply(job: nil, progress: nil) }
            let current = try look(at: id)
            return Subscribe.Reply(job: current.job, progress: current.progress)
        }
        return try board.withSubscription { subscription in
            while stream.wait(for: subscription.wakeup) {
                for id in subscription.take() {
                    // A job that was forgotten meanwhile is nothing to tell of.
                    guard let current = try lookIfKnown(at: id) else { continue }
                    try stream.send(Subscribe.Reply(job: current.job, progress: current.progress))
                }
            }
            return Subscribe.Reply(job: nil, progress: nil)
        }
    }

    private func look(at id: JobID) throws(CallError) -> JobProgress {
        guard let current = try lookIfKnown(at: id) else { throw .jobNotFound(id.rawValue) }
        return current
    }

    private func lookIfKnown(at id: JobID) throws(CallError) -> JobProgress? {
        try answer { try await store.job(id) }.map { JobProgress(job: info($0), progress: board.progress(of: id)) }
    }
}
