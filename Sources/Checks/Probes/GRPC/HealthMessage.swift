import NIOCore

/// The two messages of grpc.health.v1's Check (grpc/grpc, doc/health-checking.md):
///
///     message HealthCheckRequest  { string service = 1; }
///     message HealthCheckResponse { ServingStatus status = 1; }
///
/// Written and read here, by the rules of protobuf.dev/programming-guides/encoding, and not by
/// swift-protobuf: one field each way is not worth the megabytes that its runtime would add.
enum HealthMessage {
  enum ServingStatus: Hashable {
    case unknown, serving, notServing, serviceUnknown
    /// One that this version of the protocol has no name for.
    case other(Int32)

    init(_ number: Int32) {
      switch number {
      case 0: self = .unknown
      case 1: self = .serving
      case 2: self = .notServing
      case 3: self = .serviceUnknown
      default: self = .other(number)
      }
    }

    /// As the protocol writes it.
    var name: String {
      switch self {
      case .unknown: "UNKNOWN"
      case .serving: "SERVING"
      case .notServing: "NOT_SERVING"
      case .serviceUnknown: "SERVICE_UNKNOWN"
      case .other(let number): "status \(number), which grpc.health.v1 does not know"
      }
    }
  }

  /// The bytes of a request. The empty name, for the server as a whole, is the default and left out.
  static func request(service: String) -> ByteBuffer {
    var bytes = ByteBuffer()
    if service.isEmpty { return bytes }
    bytes.writeInteger(UInt8(1 << 3 | WireType.bytes.rawValue))
    var length = service.utf8.count
    while length > 0x7F {
      bytes.writeInteger(UInt8(length & 0x7F | 0x80))
      length >>= 7
    }
    bytes.writeInteger(UInt8(length))
    bytes.writeString(service)
    return bytes
  }

  /// Reads a response. Fields may come in any order, unknown ones are skipped, and of one that comes
  /// again the last counts; where none comes the status is the default, UNKNOWN.
  ///
  /// - Returns: nil where the bytes are no message.
  static func status(_ bytes: ByteBuffer) -> ServingStatus? {
    var reader = Reader(bytes: bytes)
    var status = ServingStatus.unknown
    while reader.bytes.readableBytes > 0 {
      guard let (field, type) = reader.tag() else { return nil }
      if field == 1, type == .varint {
        guard let value = reader.varint() else { return nil }
        // An enum is an int32, cut from 64 bits.
        status = ServingStatus(Int32(truncatingIfNeeded: value))
      } else if !reader.skip(field, type) {
        return nil
      }
    }
    return status
  }

  private enum WireType: UInt64 {
    case varint, fixed64, bytes, groupStart, groupEnd, fixed32
  }

  private struct Reader {
    var bytes: ByteBuffer

    mutating func varint() -> UInt64? {
      var value: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 64, by: 7) {
        guard let byte: UInt8 = bytes.readInteger() else { return nil }
        // Of a tenth byte there is room for one bit.
        if shift == 63, byte > 1 { return nil }
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
      }
      return nil
    }

    mutating func tag() -> (field: UInt64, type: WireType)? {
      guard let tag = varint(), let type = WireType(rawValue: tag & 7),
        (1..<1 << 29).contains(tag >> 3)
      else { return nil }
      return (tag >> 3, type)
    }

    /// Skips the value of a field whose tag has been read.
    ///
    /// - Returns: false where it is malformed.
    mutating func skip(_ field: UInt64, _ type: WireType) -> Bool {
      // Groups are of old, and nest.
      var open: [UInt64] = []
      var (field, type) = (field, type)
      while true {
        switch type {
        case .varint: if varint() == nil { return false }
        case .fixed64: if !drop(8) { return false }
        case .fixed32: if !drop(4) { return false }
        case .bytes: guard let length = varint(), drop(length) else { return false }
        case .groupStart: open.append(field)
        case .groupEnd: if open.popLast() != field { return false }
        }
        if open.isEmpty { return true }
        guard let next = tag() else { return false }
        (field, type) = next
      }
    }

    private mutating func drop(_ count: UInt64) -> Bool {
      guard count <= UInt64(bytes.readableBytes) else { return false }
      bytes.moveReaderIndex(forwardBy: Int(count))
      return true
    }
  }
}
