import CKernels
import Glibc

/// A weight as the product kernels read it.
struct Panels: Sendable {
    /// What lies where.
    let layout: PanelLayout
    private let memory: WeightMemory

    /// A weight that was laid out before, here or by another process.
    ///
    /// - Precondition: the memory has the layout's size.
    init(_ layout: PanelLayout, in memory: WeightMemory) {
        precondition(memory.bytes.count == layout.byteCount, "\(memory.bytes.count) bytes are no \(layout.tag)")
        self.layout = layout
        self.memory = memory
    }

    var precision: WeightPrecision { layout.precision }
    var outputs: Int { layout.outputs }
    /// Pixels that a filter sees; 1 for a linear layer.
    var taps: Int { layout.taps }
    /// Channels in.
    var channels: Int { layout.channels }
    /// Elements of a row of the weight.
    var depth: Int { layout.depth }
    /// Panels in all.
    var count: Int { layout.count }
    /// Bytes of private memory.
    var privateBytes: Int { memory.privateBytes }

    /// The outputs of a panel.
    func outputs(of panel: Int) -> Range<Int> { layout.outputs(of: panel) }

    /// Columns of a panel in memory.
    func width(of panel: Int) -> Int { layout.width(of: panel) }

    /// The panel's weights from `element` of its rows on; half bytes for int4.
    func pointer(_ panel: Int, from element: Int = 0) -> UnsafeRawPointer {
        memory.start + layout.offset(of: panel, from: element)
    }

    /// For int4, what the panel's integers are multiplied by, from `element` of its rows on.
    func ratios(_ panel: Int, from element: Int = 0) -> UnsafePointer<Int16> {
        (memory.start + layout.ratiosOffset(of: panel, from: element)).assumingMemoryBound(to: Int16.self)
    }

    /// What the integers of each output are multiplied by; integers only.
    var scales: UnsafePointer<Float> { (memory.start + layout.scalesOffset).assumingMemoryBound(to: Float.self) }
    /// The sum of the integers of each output; integers only.
    var sums: UnsafePointer<Int32> { (memory.start + layout.sumsOffset).assumingMemoryBound(to: Int32.self) }

    /// For int4, `count` elements of a panel's rows from `element` on, as the panel of int8 that they are multiplied as.
    func decode(
        _ panel: Int, from element: Int, count: Int, into target: UnsafeMutablePointer<Int8>, _ kernels: kernels
    ) {
        kernels.decode_int4(
            target, pointer(panel, from: element).assumingMemoryBound(to: UInt8.self), ratios(panel, from: element),
            count,
            width(of: panel))
    }
}
