import GRDB
import Jobs

/// Gives each result of one submission a NAME of its own: the wish, or the wish with `~2`, `~3` ... behind it.
struct NameAllocator {
    private let occupied: Set<ResultName>
    private var numbers: [ResultName: Int] = [:]
    private var given: Set<ResultName> = []

    /// An allocator that gives none of the `occupied` names.
    init(avoiding occupied: Set<ResultName>) { self.occupied = occupied }

    /// The first free name; `number` tells which of its wish it is.
    mutating func name(_ wish: ResultName, in db: Database) throws -> (name: ResultName, number: Int) {
        var number = try numbers[wish] ?? Self.highestNumber(of: wish, in: db)
        var name: ResultName
        repeat {
            number += 1
            name = number == 1 ? wish : wish.appending("~\(number)")
        } while try occupied.contains(name) || given.contains(name) || Self.isTaken(name, in: db)
        numbers[wish] = number
        given.insert(name)
        return (name, number)
    }

    private static func highestNumber(of stem: ResultName, in db: Database) throws -> Int {
        let statement = try db.cachedStatement(sql: "SELECT max(number) FROM result_name WHERE stem = ?")
        return try Int.fetchOne(statement, arguments: [stem.rawValue]) ?? 0
    }

    private static func isTaken(_ name: ResultName, in db: Database) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM result_name WHERE name = ?")
        return try Bool.fetchOne(statement, arguments: [name.rawValue]) ?? false
    }
}
