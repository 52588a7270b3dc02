import Spool
import SystemPackage
import Testing

struct ErrorTests {
    private func error(_ errno: Errno, _ operation: String = "write") -> SpoolError {
        .system(operation: operation, path: "/spool", errno: errno)
    }

    @Test(arguments: [
        Errno.noSpace, .diskQuotaExceeded, .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .interrupted,
        .readOnlyFileSystem, .ioError, .staleNFSFileHandle, .timedOut, .resourceBusy,
    ])
    func `What the host lacks for now may pass`(errno: Errno) {
        #expect(error(errno).isTransient)
        #expect(!error(errno).isLossOfSpool)
    }

    @Test(arguments: [
        Errno.permissionDenied, .noSuchFileOrDirectory, .fileNameTooLong, .notDirectory, .tooManySymbolicLinkLevels,
    ])
    func `What somebody has to mend does not`(errno: Errno) {
        #expect(!error(errno).isTransient)
    }

    @Test func `A disk that does not give back what it has is damaged, one that takes nothing may recover`() {
        #expect(!error(.ioError, "read").isTransient)
        #expect(error(.ioError, "move").isTransient)
        #expect(error(.diskQuotaExceeded).isLackOfRoom && !error(.ioError).isLackOfRoom)
    }
}
