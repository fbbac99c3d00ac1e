/// What a call came to (grpc/grpc, doc/statuscodes.md).
enum GRPCStatus {
  static let notFound = 5
  static let unimplemented = 12

  private static let names = [
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
  ]

  static func name(_ code: Int) -> String {
    names.indices.contains(code) ? names[code] : "\(code)"
  }

  /// Why a call that ended with this code fails the check. What the server says beside it,
  /// grpc-message, stays out: many a server puts the text of an exception there, and STATUS is for
  /// every user of the machine to read.
  static func reason(_ code: Int, service: String) -> String {
    switch code {
    case unimplemented: "the server has no grpc.health.v1.Health service"
    case notFound where service.isEmpty: "it knows no health of the server as a whole"
    case notFound: "it does not know service \(quoted(service))"
    default: "grpc-status \(name(code))"
    }
  }
}
