import Configuration
import SystemPackage

/// The layers of settings, most important first: command line, environment, file, defaults.
///
/// ## Easy to get wrong
/// swift-configuration's optional and `default:` getters swallow a value that they cannot convert. Only the `required`
/// getters are used, over a layer of defaults, and every value is read as text that the caller's closure judges.
struct SettingsReader {
    private let reader: ConfigReader
    private let file: SettingsFile
    private let environment: [SettingKey: String]
    private let overrides: [SettingKey: String]

    init(file: SettingsFile, environment variables: [String: String], overrides: [SettingKey: String]) {
        self.file = file
        self.overrides = overrides
        environment = SettingKey.allCases.reduce(into: [:]) { $0[$1] = variables[$1.environmentName] }
        let defaults = SettingKey.allCases.map { ($0, $0.isList ? .list([]) : SettingsFile.Value.text($0.defaultText)) }
        reader = ConfigReader(providers: [
            Self.layer("command line", overrides.mapValues { .text($0) }),
            Self.layer("environment", environment.mapValues { .text($0) }),
            Self.layer("file", file.values),
            Self.layer("defaults", Dictionary(uniqueKeysWithValues: defaults)),
        ])
    }

    /// The most important layer's text for `key`, as `parse` reads it. When `parse` answers nil, an error names the place.
    func value<Value>(_ key: SettingKey, _ parse: (String) -> Value?) throws(SettingsError) -> Value {
        guard let text = try? reader.requiredString(forKey: ConfigKey([key.rawValue])), let value = parse(text) else {
            throw .badValue(key, value: text(of: key), origin(of: key))
        }
        return value
    }

    /// As ``value(_:_:)`` for a list, each of whose elements `parse` must accept.
    func list<Element>(_ key: SettingKey, _ parse: (String) -> Element?) throws(SettingsError) -> [Element] {
        guard let texts = try? reader.requiredStringArray(forKey: ConfigKey([key.rawValue])) else {
            throw .badValue(key, value: text(of: key), origin(of: key))
        }
        let elements = texts.compactMap(parse)
        guard elements.count == texts.count else {
            throw .badValue(key, value: text(of: key), origin(of: key))
        }
        return elements
    }

    private func origin(of key: SettingKey) -> SettingOrigin {
        if overrides[key] != nil { return .commandLine }
        if environment[key] != nil { return .environment }
        return file.values[key] != nil ? .file(file.path, line: file.lines[key]) : .defaults
    }

    private func text(of key: SettingKey) -> String {
        if let text = overrides[key] ?? environment[key] { return text }
        switch file.values[key] {
        case .text(let text): return text
        case .list(let texts): return "[" + texts.joined(separator: ", ") + "]"
        case nil: return key.defaultText
        }
    }

    /// Outside the file a list is one text with `:` between its elements, as in `PATH`.
    private static func layer(_ name: String, _ values: [SettingKey: SettingsFile.Value]) -> InMemoryProvider {
        var layer: [AbsoluteConfigKey: ConfigValue] = [:]
        for (key, value) in values {
            let content: ConfigContent =
                switch value {
                case .text(let text) where key.isList && name != "file":
                    .stringArray(text.split(separator: ":").map(String.init))
                case .text(let text): .string(text)
                case .list(let texts): .stringArray(texts)
                }
            layer[AbsoluteConfigKey([key.rawValue])] = ConfigValue(content, isSecret: false)
        }
        return InMemoryProvider(name: name, values: layer)
    }
}

extension SettingKey {
    /// Whether the value is a list of texts.
    var isList: Bool { self == .modelDirectories }
}
