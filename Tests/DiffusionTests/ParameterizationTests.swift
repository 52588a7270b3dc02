import Diffusion
import Testing

/// The conversions between what networks are trained to say.
struct ParameterizationTests {
    @Test(
        "Of what a network may say, each stands for the same picture and noise",
        arguments: Parameterization.allCases, LevelScale.allCases)
    func parameterization(_ parameterization: Parameterization, _ scale: LevelScale) {
        guard (parameterization == .flow) == (scale == .flow) else { return }
        let level: Float = scale == .unscaled || scale == .sigma ? 2.5 : 0.3
        let (signal, spread) = scale.mixture(at: level)
        let picture: Float = 0.75, noise: Float = -1.25
        let sample = signal * picture + spread * noise
        // A network that is shown an unscaled sample speaks of the scaled one.
        let (shownSignal, shownSpread) = scale == .unscaled ? LevelScale.sigma.mixture(at: level) : (signal, spread)
        let output: Float =
            switch parameterization {
            case .epsilon: noise
            case .velocity: shownSignal * noise - shownSpread * picture
            case .sample: picture
            case .flow: noise - picture
            }
        let found =
            scale == .unscaled
            ? parameterization.picture(inUnscaled: sample, output: output, spread: spread)
            : parameterization.picture(in: sample, output: output, signal: signal, spread: spread)
        #expect(abs(found - picture) < 1e-5)
        guard scale != .unscaled else { return }
        #expect(
            abs(parameterization.noise(in: sample, output: output, signal: signal, spread: spread) - noise) < 1e-5)
    }
}
