import Diffusion
import Jobs

extension Renderer {
    /// What a job begins with, at the size of its picture. The loaded model goes where both do not fit into the memory limit.
    func scaled(
        _ file: InitImageFile, to size: (width: Int, height: Int), strength: Double?
    ) throws(RenderingError) -> InitImage {
        let needed = file.peakBytes(width: size.width, height: size.height)
        let limit = planner.memoryLimitBytes
        guard baselineBytes + needed <= limit else {
            throw .insufficientMemory(
                width: file.size.width, height: file.size.height, neededBytes: baselineBytes + needed,
                limitBytes: limit,
                isJobsOwn: false, canStream: true)
        }
        if (ProcessMemory.residentBytes ?? 0) + needed > limit { unload() }
        return InitImage(
            pixels: try file.pixels(width: size.width, height: size.height),
            strength: strength ?? JobRequest.defaultStrength)
    }
}
