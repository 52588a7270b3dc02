import GRDB
import JobStore
import Jobs
import Testing

struct ErrorTests {
    private func error(_ code: ResultCode) -> JobStoreError { .failed(problem: "a test", code: Int(code.rawValue)) }

    @Test(arguments: [
        ResultCode.SQLITE_FULL, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_IOERR, .SQLITE_IOERR_WRITE, .SQLITE_IOERR_FSYNC,
        .SQLITE_IOERR_SHMSIZE, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_NOMEM, .SQLITE_BUSY_SNAPSHOT,
    ])
    func `A full, read-only or unresponsive disk may be another one later`(code: ResultCode) {
        #expect(error(code).isTransient)
    }

    @Test(arguments: [
        ResultCode.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CONSTRAINT, .SQLITE_ERROR, .SQLITE_READONLY_DBMOVED,
        .SQLITE_IOERR_CORRUPTFS, .SQLITE_MISUSE,
    ])
    func `A damaged or vanished queue stays one`(code: ResultCode) {
        #expect(!error(code).isTransient)
    }
}
