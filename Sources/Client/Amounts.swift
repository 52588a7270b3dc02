import Foundation

/// Seconds for a person: `0.42 s`, `12 s`, `3 min 05 s`, `2 h 10 min`.
func secondsText(_ seconds: Double) -> String {
    switch seconds {
    case ..<10: String(format: "%.2f s", max(seconds, 0))
    case ..<120: String(format: "%.0f s", seconds)
    case ..<7200: String(format: "%d min %02d s", Int(seconds) / 60, Int(seconds) % 60)
    default: String(format: "%d h %02d min", Int(seconds) / 3600, Int(seconds) / 60 % 60)
    }
}

/// Bytes for a person: `512 B`, `1.5 MiB`.
func bytesText(_ bytes: Int) -> String {
    var amount = Double(bytes)
    var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
    while amount >= 1024, units.count > 1 {
        amount /= 1024
        units.removeFirst()
    }
    let unit = units.first ?? "TiB"
    return unit == "B" ? "\(bytes) B" : String(format: "%.1f %@", amount, unit)
}

/// A ratio of signal to noise for a person: `36.4 dB`.
func decibelText(_ decibels: Double) -> String { String(format: "%.1f dB", decibels) }
