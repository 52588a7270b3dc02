import Jobs
import Varlink

/// The daemon, as its clients see it. Every call is a connection of its own.
struct DaemonClient: Sendable {
    /// The control socket's path.
    let socket: String
    /// The users of whom one must serve it.
    let servers: Set<UInt32>

    /// Calls `M`. It is an error when the daemon stays silent for `timeoutSeconds`. With 0 the call waits for as long as the daemon lives,
    /// as measuring a model takes its time.
    func call<M: Method>(
        _ method: M.Type, _ parameters: M.Parameters, timeoutSeconds: Int = 120
    ) throws(ClientError) -> M.Reply {
        do throws(VarlinkError) {
            return try Connection(path: socket, timeoutSeconds: timeoutSeconds, servers: servers).call(
                M.self, parameters)
        } catch {
            throw .daemon(error)
        }
    }

    /// Calls `M` and hands every reply to `onReply` until it answers false or the last came.
    func stream<M: Method>(
        _ method: M.Type, _ parameters: M.Parameters, onReply: (M.Reply) -> Bool
    ) throws(ClientError) {
        do throws(VarlinkError) {
            try Connection(path: socket, timeoutSeconds: 120, servers: servers).stream(
                M.self, parameters, onReply: onReply)
        } catch {
            throw .daemon(error)
        }
    }

    /// The newest `limit` jobs in `states` (empty: in any), page by page.
    func jobs(in states: [JobState], limit: Int) throws(ClientError) -> [JobInfo] {
        var jobs: [JobInfo] = []
        var next: Int64?
        repeat {
            let parameters = List.Parameters(
                states: states.isEmpty ? nil : states, limit: limit - jobs.count, before: next)
            let page = try call(List.self, parameters)
            jobs += page.jobs
            next = page.next
        } while next != nil && jobs.count < limit
        return jobs
    }

    /// Nil when it answers; otherwise why not.
    func problem() -> VarlinkError? {
        do throws(VarlinkError) {
            _ = try Connection(path: socket, timeoutSeconds: 5, servers: servers).call(GetInfo.self, Nothing())
            return nil
        } catch {
            return error
        }
    }
}
