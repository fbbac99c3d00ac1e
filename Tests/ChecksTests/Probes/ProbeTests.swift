import Testing

/// Everything that opens descriptors is in here, one after another: some of these tests count the
/// descriptors of the process, and one takes them all away for a moment.
@Suite("Probes", .serialized)
struct ProbeTests {}
