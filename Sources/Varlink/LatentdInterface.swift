/// `org.latentd`: the queue of one daemon, as its text says it to any Varlink client.
public enum LatentdInterface {
    /// Its name.
    public static let name = "org.latentd"
    /// Its text; the typed methods beside this file say the same, and a test compares the two.
    public static let description = """
        # The queue of one latentd: submit jobs, watch them, see what this host can do.
        # Times of day are RFC 3339 strings, durations are seconds, sizes are bytes.
        interface org.latentd

        type Failure (
          # A stable word: invalid_job, model_missing, crashed ...
          code: string,
          kind: (transient, permanent),
          field: ?string,
          message: string
        )

        type Job (
          id: string,
          # The NAME of done/NAME.webp and failed/NAME.json.
          name: string,
          state: (queued, running, succeeded, failed, cancelled),
          priority: int,
          attempts: int,
          seed: int,
          created_at: string,
          started_at: ?string,
          finished_at: ?string,
          failure: ?Failure,
          # The request in the form of a job file (docs/job.schema.json).
          request: object,
          picture: ?string,
          record: ?string,
          # The number of the user who handed it in; null for jobs of releases that did not note it.
          owner: ?int
        )

        type Progress (
          stage: string,
          step: int,
          steps: int,
          # 0 to 1, by predicted time.
          fraction: float,
          elapsed_seconds: float,
          remaining_seconds: ?float
        )

        type Variant (
          model: string,
          precision: string,
          steps: int
        )

        type Candidate (
          variant: Variant,
          quality: float,
          # How far its pictures are from those of fp32, in dB; null where nobody measured it.
          psnr: ?float,
          predicted_seconds: ?float,
          peak_bytes: ?int,
          # The same in each mode that can be had: together, one_stage, streamed.
          peaks: [string]int,
          verdict: (chosen, too_slow, too_large, lesser_quality, slower, unmeasured)
        )

        type Prediction (
          load_seconds: float,
          text_seconds: float,
          # The picture that the job begins with; null where there is none.
          init_image_seconds: ?float,
          denoise_seconds: float,
          decode_seconds: float,
          encode_seconds: float
        )

        # What a stage takes; all sizes but the peak, which is the process's, are beside the process itself.
        type Stage (
          stage: string,
          weight_bytes: int,
          # Of all weights, those that are in memory while it runs.
          resident_bytes: int,
          computing_bytes: int,
          scratch_bytes: int,
          peak_bytes: int
        )

        type Plan (
          variant: Variant,
          width: int,
          height: int,
          guidance_scale: float,
          sampler: string,
          budget_seconds: ?float,
          # Null when the model was never measured on this host.
          prediction: ?Prediction,
          peak_bytes: ?int,
          memory_limit_bytes: int,
          # Which weights are in memory: all (together), the running stage's (one_stage), the running block's (streamed).
          memory_mode: ?string,
          stages: []Stage,
          # False: the job is done, but later than it asked for.
          meets_budget: ?bool,
          candidates: []Candidate,
          explanation: string,
          # A precision that this CPU has no instructions for; part of the explanation, and the first of 'warnings'.
          warning: ?string,
          # What to know before the job is done, a sentence each: what is slow here, which words of a prompt are left out.
          warnings: []string
        )

        # A model at one precision, its own picture with its own settings, the weights in memory.
        type Member (
          precision: string,
          # Null until this host has measured it.
          seconds: ?float,
          peak_bytes: ?int,
          # How far its pictures are from those of fp32, in dB; null where nobody measured it.
          psnr: ?float,
          # What its pictures are worth beside those of the group, 0 to 100, with the model's own steps.
          quality: float
        )

        type Model (
          name: string,
          # The architecture; null when it cannot be used.
          family: ?string,
          # Models of one group may stand in for one another; null when it cannot be used.
          group: ?string,
          path: string,
          # Why it cannot be used; null when it can.
          problem: ?string,
          bytes: ?int,
          width: ?int,
          height: ?int,
          members: []Member,
          steps: []int,
          calibrated: bool,
          licence: ?string
        )

        type Counts (
          queued: int,
          running: int,
          succeeded: int,
          failed: int,
          cancelled: int
        )

        type Calibration (
          model: string,
          precision: string,
          text_seconds: float,
          step_seconds: float,
          decode_seconds: float,
          width: int,
          height: int
        )

        # Puts a job into the queue. The same id twice is one job of one user: 'duplicate' says that it was there already. Where
        # another user's job has the id, the reply says which id this one got instead.
        # 'plan' says beforehand whether the budget can be kept, where this host was measured; 'Plan' measures first.
        method Submit(job: object, name: ?string) -> (job: Job, duplicate: bool, plan: Plan)

        # The daemon at a glance.
        method Status() -> (
          version: string,
          process_id: int,
          uptime_seconds: float,
          spool: string,
          paused: bool,
          # Why nothing is started although jobs wait; null when nothing holds the queue.
          waiting_for: ?string,
          counts: Counts,
          running: ?Job,
          progress: ?Progress,
          isa: string,
          blas_core: string,
          resident_bytes: int
        )

        # Jobs, the newest first; without 'states', in any state. A reply is a page of about 1 MiB at the most. Where more follow,
        # 'next' is the 'before' of the call for the next page.
        method List(states: ?[]string, limit: ?int, before: ?int) -> (jobs: []Job, next: ?int)

        # One job, by what its owner calls it, by its id or by its name; so do the methods below.
        method Show(id: string) -> (job: Job, progress: ?Progress)

        # Takes a job out of the queue, or stops it, in the middle of a step. For its owner and administrators (root, the daemon's own
        # user, the group of 'admin_group').
        method Cancel(id: string) -> (job: Job)

        # Queues a failed or cancelled job again, with the same seed. For its owner and administrators.
        method Retry(id: string) -> (job: Job)

        # No job is started until Resume; the running one goes on. Survives a restart. For administrators, as Resume and Calibrate are.
        method Pause() -> ()

        method Resume() -> ()

        # What would be chosen for a job, and why. An idle daemon measures the models first when it never did; that ends when the caller
        # hangs up.
        method Plan(job: object) -> (plan: Plan)

        method Models() -> (models: []Model)

        # Measures a model, or all of them, on this host now, unless a job runs. Ends when the caller hangs up.
        method Calibrate(model: ?string) -> (calibrations: []Calibration)

        # With 'more': every change of one job until it ends. Without: as it is now.
        method Watch(id: string) -> (job: Job, progress: ?Progress)

        # With 'more': every change of every job until the caller hangs up. Without: the running job, if any.
        method Subscribe() -> (job: ?Job, progress: ?Progress)

        error JobNotFound (id: string)
        error InvalidJob (field: ?string, message: string)
        # The message says who may.
        error NotAllowed (message: string)
        error IllegalTransition (id: string, message: string)
        error Unavailable (message: string)
        error Busy (message: string)
        error MalformedCall (message: string)

        """
}
