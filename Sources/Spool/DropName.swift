import SystemPackage

/// What the name alone says about something in `incoming/`.
///
/// Programs that copy, upload, download or edit write under a name of their own first and rename it at the end, and desktops
/// and file systems leave things of their own in every folder. Neither is a job, and taking it would break what its owner does.
package enum DropName: Equatable, Sendable {
    /// A job file, by its ending.
    case job
    /// Written by a program that is not ready yet, or by a desktop for itself: left alone.
    case foreign
    /// Neither: left alone until it has lain still for a while, since its owner may be about to rename it.
    case unknown

    /// Judges `name`. Case does not matter, as it does not on the systems where most of these names come from.
    package init(_ name: FilePath.Component) {
        let text = name.string.lowercased()
        if Self.isUnfinished(text) || Self.isLitter(text) {
            self = .foreign
        } else {
            self = Self.jobEndings.contains(Self.ending(of: text)) ? .job : .unknown
        }
    }

    /// Names that a program gives to a file that it has not finished, or to its own notes about one.
    ///
    /// The dot in front is rsync's, Syncthing's, Nextcloud's, GVfs's, LibreOffice's, macOS's and NFS's way; most others mark the
    /// end of the name. `.sb-...` is what macOS saves to, `.part-Frag...` a piece of yt-dlp's.
    private static func isUnfinished(_ text: String) -> Bool {
        let ending = ending(of: text)
        return text.hasPrefix(".") || text.hasSuffix("~") || text.hasPrefix("~$") || text.hasPrefix("~syncthing~")
            || (text.hasPrefix("#") && text.hasSuffix("#")) || temporaryEndings.contains(ending)
            || ending.hasPrefix("sb-") || ending.hasPrefix("part-frag")
            || temporaryTails.contains(where: text.hasSuffix)
    }

    /// Things that desktops, file systems and storage boxes put into a folder for themselves.
    private static func isLitter(_ text: String) -> Bool { litter.contains(text) || isProbe(text) }

    /// vim asks whether it may write to a folder by making a file called 4913, or the next number 123 further that is free.
    private static func isProbe(_ text: String) -> Bool {
        guard text.utf8.count <= 5, let number = Int(text) else { return false }
        return number >= 4913 && (number - 4913) % 123 == 0
    }

    /// What follows the last dot; nothing when there is none, or only one in front.
    private static func ending(of text: String) -> Substring {
        guard let dot = text.lastIndex(of: "."), dot != text.startIndex else { return "" }
        return text[text.index(after: dot)...]
    }

    private static let jobEndings: Set<Substring> = ["json", "jsonl", "txt"]

    private static let temporaryEndings: Set<Substring> = [
        "tmp", "temp", "part", "partial", "filepart", "download", "downloading", "driveupload", "drivedownload",
        "crdownload", "opdownload", "incomplete", "inprogress", "unfinished", "upload", "uploading", "aria2", "ytdl",
        "!ut", "!qb", "!sync", "bc!", "jc!", "xltd", "getright", "vsctmp", "lock", "lck",
        "swp", "swo", "swn", "swm", "swl", "swk", "swx", "swpx",
    ]

    private static let temporaryTails = ["_.gstmp", "___jb_tmp___", "___jb_old___"]

    private static let litter: Set<String> = [
        "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r",
        "$recycle.bin", "recycler", "recycled", "system volume information", "lost+found", "@eadir", "@recycle",
        "@recently-snapshot", "@tmp", "#recycle", "#snapshot", "__macosx", "network trash folder", "temporary items",
        "aquota.user", "aquota.group",
    ]
}
