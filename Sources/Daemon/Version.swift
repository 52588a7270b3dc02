/// The version of latentd, as `--version`, pictures, records and the control socket say it.
public enum Version {
    /// The text.
    public static let text = "0.1.0"
}
