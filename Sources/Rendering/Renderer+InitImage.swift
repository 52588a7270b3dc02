import Diffusion
import Jobs

extension Renderer {
    /// What a job begins with, at the size of its picture. The loaded model goes where both do not fit into the memory limit.
    ///
    /// - Parameter observer: told at every row; what it throws comes back as `RenderingError.interrupted`, as the reason does with which `stop`
    ///   is raised.
    func scaled(
        _ file: InitImageFile, to size: (width: Int, height: Int), for request: JobRequest, observer: () throws -> Void
    ) throws(RenderingError) -> InitImage {
        try requireRoom(for: file, at: size, request)
        let needed = file.peakBytes(width: size.width, height: size.height)
        if (ProcessMemory.residentBytes ?? 0) + needed > limit(for: request)() { unload() }
        return InitImage(
            pixels: try file.pixels(width: size.width, height: size.height) {
                if let reason = stop?.reason { throw reason }
                try observer()
            },
            strength: request.strength ?? JobRequest.defaultStrength)
    }

    /// What stands for it in a dry run, which looks at its size alone.
    func placeholder(for size: (width: Int, height: Int), _ request: JobRequest) -> InitImage {
        let pixels = [UInt8](repeating: 0, count: 3 * size.width * size.height)
        return InitImage(
            pixels: PixelBuffer(width: size.width, height: size.height, bytes: pixels),
            strength: request.strength ?? JobRequest.defaultStrength)
    }

    /// Refuses a picture that cannot be scaled within the memory limit and the job's own.
    func requireRoom(
        for file: InitImageFile, at size: (width: Int, height: Int), _ request: JobRequest
    ) throws(RenderingError) {
        let needed = baselineBytes + file.peakBytes(width: size.width, height: size.height)
        let limit = limit(for: request)()
        if needed <= limit { return }
        let isJobsOwn = request.maxMemory == limit
        if !isJobsOwn, isWithdrawn(needed, request) { throw .memoryWithdrawn(neededBytes: needed, limitBytes: limit) }
        throw .insufficientMemory(
            width: file.size.width, height: file.size.height, neededBytes: needed, limitBytes: limit,
            isJobsOwn: isJobsOwn, canStream: true)
    }
}
