/// Who serves an interface.
public struct ServiceIdentity: Sendable, Equatable {
    /// Who made it.
    public let vendor: String
    /// The program.
    public let product: String
    /// Its version.
    public let version: String
    /// Where to read about it.
    public let url: String

    /// An identity of these four.
    public init(vendor: String, product: String, version: String, url: String) {
        self.vendor = vendor
        self.product = product
        self.version = version
        self.url = url
    }
}

/// `org.varlink.service`, which every Varlink service answers (varlink.org/Service).
public enum ServiceInterface {
    /// Its name.
    public static let name = "org.varlink.service"
    /// Its text.
    public static let description = """
        # What every Varlink service answers.
        interface org.varlink.service

        # Who serves, and which interfaces.
        method GetInfo() -> (
          vendor: string,
          product: string,
          version: string,
          url: string,
          interfaces: []string
        )

        # The text of one interface.
        method GetInterfaceDescription(interface: string) -> (description: string)

        error InterfaceNotFound (interface: string)
        error MethodNotFound (method: string)
        error MethodNotImplemented (method: string)
        error InvalidParameter (parameter: string)
        error PermissionDenied ()
        error ExpectedMore ()

        """
}

/// `org.varlink.service.GetInfo`.
public enum GetInfo: Method {
    /// The full name.
    public static let name = "org.varlink.service.GetInfo"
    /// For everybody who may connect.
    public static let mutates = false
    /// None.
    public typealias Parameters = Nothing

    /// Who serves, and which interfaces.
    public struct Reply: Codable, Sendable, Equatable {
        /// Who made it.
        public let vendor: String
        /// The program.
        public let product: String
        /// Its version.
        public let version: String
        /// Where to read about it.
        public let url: String
        /// The names of its interfaces.
        public let interfaces: [String]
    }
}

/// `org.varlink.service.GetInterfaceDescription`.
public enum GetInterfaceDescription: Method {
    /// The full name.
    public static let name = "org.varlink.service.GetInterfaceDescription"
    /// For everybody who may connect.
    public static let mutates = false

    /// Which interface.
    public struct Parameters: Codable, Sendable {
        /// Its name.
        public let interface: String

        /// Asks for `interface`.
        public init(interface: String) { self.interface = interface }
    }

    /// The text of one interface.
    public struct Reply: Codable, Sendable, Equatable {
        /// The text.
        public let description: String
    }
}
