import Spool
import SystemPackage
import Testing

struct DropNameTests {
    private func kind(_ name: String) throws -> DropName { DropName(try #require(FilePath.Component(name))) }

    @Test(arguments: [
        "cat.json", "cat.jsonl", "cat.txt", "CAT.JSON", "cat.Txt", "cat~2.json", "a b.part.json", "Thumbs.db.txt",
        "tmp.txt", "#cat.json", "cat.sb-1.json", "4913.txt", "~cat.json",
    ])
    func `What ends as a job file is one`(name: String) throws {
        #expect(try kind(name) == .job)
    }

    @Test(arguments: [
        // Copying and synchronizing: rclone, rsync, Syncthing, WinSCP, Nextcloud, Unison, Resilio, cloud drives.
        "job.json.1a2b3c4d.partial", "job.json.partial", ".job.json.Xy12Zk", ".syncthing.job.json.tmp",
        "~syncthing~job.json.tmp", "~syncthing~job.json", "job.json.filepart", ".job.json.~7f3a", "job.json.part",
        "job.json.ocTransferId12345.part", ".unison.job.json.0123.unison.tmp", "job.json.!sync",
        "job.json.tmp.driveupload", "job.json_.gstmp", ".pureftpd-upload.4f1a", ".in.job.json.",
        // Browsers and loaders.
        "job.json.crdownload", "Unconfirmed 1234.crdownload", "job.json.download", "job.json.opdownload",
        "job.json.aria2", "job.json.!ut", "job.json.!qB", "job.json.part-Frag3", "job.json.xltd",
        // Editors and desktops.
        "job.json~", "#job.json#", ".#job.json", ".~lock.job.json#", "~$job.json", ".job.json.swp", "job.json.swp",
        "job.json.swx", "4913", "5036", ".goutputstream-ABC123", "job.json.sb-1a2b3c4d-XyZ", "job.json.temp",
        "job.json.TMP", "job.json___jb_tmp___", ".nfs000000000012ab34", ".fuse_hidden0000001", "job.json.vsctmp",
        // What lies in folders.
        "Thumbs.db", "thumbs.DB", "ehthumbs.db", "desktop.ini", "Desktop.ini", ".DS_Store", "._job.json", "Icon\r",
        "$RECYCLE.BIN", "lost+found", "@eaDir", ".Trash-1000", "System Volume Information", "__MACOSX",
    ])
    func `Unfinished files and litter are nobody's jobs`(name: String) throws {
        #expect(try kind(name) == .foreign)
    }

    @Test(arguments: [
        "cat", "cat.xml", "cat.png", "json", "cat.json.bak", "cat.svg", "4914", "tmpab12", "sedXk3f", "cat.",
        "cat.yaml",
        "cat.json ", "part", "swap.sw",
    ])
    func `Anything else may become a job by a rename, or not`(name: String) throws {
        #expect(try kind(name) == .unknown)
    }
}
