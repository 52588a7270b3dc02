import CKernels

/// How a weight `[outputs, taps * channels]` lies in memory for the product kernels: panels of up to 64 outputs, the last one
/// narrower, then what belongs to each output. The same for every instruction set.
///
/// ```
/// panel p:   [depth / group][columns][group]      columns = min(64, outputs - 64 p) rounded up to 16, zeros behind the end
/// int8:      panels, then scales [outputs] of Float, then sums of the integers [outputs] of Int32
/// int4:      panels of half bytes, then ratios, scales and sums
///   panel p: [depth / 4][columns][2]              in the order of int8, two in a byte, the first one in the low half
///   ratios:  panel by panel [depth / 32][columns] of Int16, in 1/1024ths: group's scale / output's scale
/// ```
/// A group of weights has 32 bits, so a panel is the transpose of its rows in units of 32 bits (16 for int4). Weights of 4 bits are multiplied as
/// 8 bits: `(q * ratio + 512) >> 10`, times the output's scale.
///
/// Filters of 3x3 may lie transformed, for Winograd's 36 or 64 products (see `WinogradProduct`): as so many taps, and at `bf16` as float16,
/// `[depth][columns]`, since they are multiplied as 32-bit floats. Filters for doubled images lie as four times as many outputs of 2x2 (see
/// `Doubling`).
public struct PanelLayout: Hashable, Sendable {
    static let columns = Int(KERNELS_PANEL_COLUMNS)
    private static let unit = Int(KERNELS_PANEL_UNIT)

    /// The precision, and so the layout: the narrowest one from the one asked for that the channels are whole groups of.
    public let precision: WeightPrecision
    /// Rows of the weight; pixels that a filter sees (1 for a linear layer, 36 or 64 for Winograd's filters); channels in.
    public let outputs: Int, taps: Int, channels: Int
    /// How the filters are transformed, if they are.
    let winograd: Winograd?
    /// Whether they are filters for doubled images: an output for each parity of the result's rows and columns.
    public let isDoubling: Bool

    /// The layout at `precision`, or at the next wider one that has room for so many channels.
    public init(_ precision: WeightPrecision, outputs: Int, taps: Int, channels: Int) {
        self.precision = precision.fitting(channels: channels)
        self.outputs = outputs
        self.taps = taps
        self.channels = channels
        winograd = nil
        isDoubling = false
    }

    /// The layout of filters for convolutions of a stride: Winograd's where that is faster and worth its memory.
    ///
    /// - Parameter doubles: they are only for images that are doubled first.
    public init(
        _ precision: WeightPrecision, outputs: Int, channels: Int, height: Int, width: Int, stride: Int,
        doubles: Bool = false
    ) {
        self.precision = precision.fitting(channels: channels)
        self.channels = channels
        let isSuited = height == 3 && width == 3 && stride == 1
        winograd = isSuited ? Winograd(self.precision, outputs: outputs, inputs: channels) : nil
        isDoubling = doubles && isSuited && winograd == nil && outputs.isMultiple(of: PanelLayout.columns)
        self.outputs = isDoubling ? Doubling.parities * outputs : outputs
        taps = isDoubling ? Doubling.taps : winograd?.products ?? height * width
    }

    /// Outputs that the filters of the checkpoint have.
    public var sourceOutputs: Int { isDoubling ? outputs / Doubling.parities : outputs }
    /// Pixels that a filter of the checkpoint has.
    public var sourceTaps: Int { winograd == nil && !isDoubling ? taps : 9 }

    /// Elements of a row of the weight.
    public var depth: Int { taps * channels }
    /// Panels in all.
    var count: Int { (outputs + PanelLayout.columns - 1) / PanelLayout.columns }

    /// The outputs of a panel.
    func outputs(of panel: Int) -> Range<Int> {
        panel * PanelLayout.columns..<min(outputs, (panel + 1) * PanelLayout.columns)
    }

    /// Columns of a panel in memory.
    func width(of panel: Int) -> Int {
        (outputs(of: panel).count + PanelLayout.unit - 1) / PanelLayout.unit * PanelLayout.unit
    }

    /// Where an element of a panel's rows begins: `element` is a multiple of the precision's group.
    func offset(of panel: Int, from element: Int = 0) -> Int {
        (panel * PanelLayout.columns * depth + element * width(of: panel)) * precision.bits / 8
    }

    /// Where a panel's ratios begin, from `element` of its rows on.
    func ratiosOffset(of panel: Int, from element: Int = 0) -> Int {
        panelBytes + (panel * PanelLayout.columns * depth + element * width(of: panel)) / Quantizer.groupSize * 2
    }

    private var paddedOutputs: Int { (outputs + PanelLayout.unit - 1) / PanelLayout.unit * PanelLayout.unit }
    private var panelBytes: Int { aligned(paddedOutputs * depth * precision.bits / 8) }
    private var ratioBytes: Int {
        precision == .int4 ? aligned(paddedOutputs * depth / Quantizer.groupSize * 2) : 0
    }

    /// Where the outputs' scales begin; integers only.
    var scalesOffset: Int { panelBytes + ratioBytes }
    /// Where the outputs' sums begin; integers only.
    var sumsOffset: Int { scalesOffset + aligned(outputs * 4) }

    /// Bytes in all, a multiple of `WeightMemory.alignment`.
    public var byteCount: Int {
        precision.arithmetic == .int8 ? sumsOffset + aligned(outputs * 4) : panelBytes
    }

    /// What tells this layout from others of the same weight, as text.
    public var tag: String {
        let kind = isDoubling ? "doubling" : winograd == nil ? "panels" : "winograd"
        return "\(precision.rawValue) \(kind) \(outputs)x\(taps)x\(channels)"
    }

    private func aligned(_ bytes: Int) -> Int {
        (bytes + WeightMemory.alignment - 1) / WeightMemory.alignment * WeightMemory.alignment
    }
}
