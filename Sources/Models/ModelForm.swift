/// What a family says of its models' files, for code that knows no architecture: importing, digests, estimates.
public struct ModelForm: Sendable {
    /// The parts that have weights, in the order in which a picture passes them.
    public let components: [Component]
    /// The folders of its tokenizers.
    public let tokenizers: [String]
    /// Which tensors stay wider than the precision that a model is run at, where the model's own manifest does not say.
    public let rules: PrecisionRules

    /// A form.
    public init(components: [Component], tokenizers: [String], rules: PrecisionRules) {
        self.components = components
        self.tokenizers = tokenizers
        self.rules = rules
    }

    /// A part of a model that has weights, in a folder of its own.
    public struct Component: Hashable, Sendable {
        /// The folder's name, by which rules and records call the part: `unet`.
        public let name: String
        /// The name of its file of weights, without the ending.
        public let stem: String
        /// Matrices of fp32 are left to OpenBLAS, which reads rows as they are stored.
        public let keepsRows: Bool
        /// Where the names of tensors begin that are not read on the way from latents to a picture.
        public let passedOver: [String]

        /// A part whose weights lie in `stem.safetensors`, in shards of it, or in its variant of half precision.
        public init(_ name: String, stem: String, keepsRows: Bool = false, passedOver: [String] = []) {
            self.name = name
            self.stem = stem
            self.keepsRows = keepsRows
            self.passedOver = passedOver
        }
    }
}
