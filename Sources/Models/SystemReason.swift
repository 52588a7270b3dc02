import Glibc

/// The system's own words for an `errno`. Glibc's `strerror` keeps its text per thread.
func systemReason(_ code: Int32) -> String {
    String(cString: strerror(code))
}
