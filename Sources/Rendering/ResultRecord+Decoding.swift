import Jobs
import Planner

extension ResultRecord {
    /// Reads a record; one of a version that knew no warnings has those of its plan.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        id = try fields.decodeIfPresent(JobID.self, forKey: .id)
        name = try fields.decodeIfPresent(String.self, forKey: .name)
        queue = try fields.decodeIfPresent(QueueTimes.self, forKey: .queue)
        request = try fields.decode(JobRequest.self, forKey: .request)
        job = try fields.decode(JobRequest.self, forKey: .job)
        initImage = try fields.decodeIfPresent(InitImage.self, forKey: .initImage)
        model = try fields.decode(Model.self, forKey: .model)
        plan = try fields.decode(Plan.self, forKey: .plan)
        metBudget = try fields.decodeIfPresent(Bool.self, forKey: .metBudget)
        timings = try fields.decode(Timings.self, forKey: .timings)
        memory = try fields.decode(Memory.self, forKey: .memory)
        host = try fields.decode(HostProfile.self, forKey: .host)
        picture = try fields.decode(Picture.self, forKey: .picture)
        version = try fields.decode(String.self, forKey: .version)
        warnings = try fields.decodeIfPresent([String].self, forKey: .warnings) ?? plan.warnings
    }
}
