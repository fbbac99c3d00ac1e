import Glibc

/// What the unit files on disk say of a system service, for whoever may not ask systemd itself:
/// dbus-daemon turns away users that exist only while a service runs (DynamicUser=, systemd issue
/// 22737). Search path, precedence and drop-ins are those of systemd.unit(5).
struct UnitFiles {
  /// From the highest precedence to the lowest.
  static let systemPath = [
    "/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
    "/run/systemd/generator.early", "/etc/systemd/system", "/etc/systemd/system.attached",
    "/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
    "/run/systemd/generator.late",
  ]

  let path: [String]

  init(path: [String] = systemPath) { self.path = path }

  /// The last assignments of these keys, in [Service] and in [Unit]; nil where no file of the unit is to
  /// be found.
  func service(
    _ unit: String, _ keys: Set<String>, ofUnit unitKeys: Set<String> = []
  ) -> [String: String]? {
    let names = Self.names(of: unit)
    let main = names.lazy.compactMap { name in
      path.lazy.compactMap { Self.read("\($0)/\(name)") }.first
    }.first
    guard let main else { return nil }
    var values: [String: String] = [:]
    for text in [main] + dropIns(of: names) {
      for (section, key, value) in Self.assignments(in: text) {
        guard section == "[Service]" ? keys.contains(key) : unitKeys.contains(key) else { continue }
        // An empty value takes back what was assigned before.
        values[key] = value.isEmpty ? nil : value
      }
    }
    return values
  }

  /// "foo@bar.service", and the template that it is made from.
  private static func names(of unit: String) -> [String] {
    guard let at = unit.firstIndex(of: "@"), let dot = unit.lastIndex(of: ".") else {
      return [unit]
    }
    return [unit, String(unit[...at] + unit[dot...])]
  }

  /// The texts of "foo.service.d/*.conf" and its kin, in the order of their names; of two with one
  /// name, the one with precedence.
  private func dropIns(of names: [String]) -> [String] {
    var found: [String: String] = [:]
    for folder in names.flatMap(Self.withPrefixes) + ["service"] {
      for directory in path {
        let place = "\(directory)/\(folder).d"
        for file in Self.list(place) where file.hasSuffix(".conf") && found[file] == nil {
          found[file] = Self.read("\(place)/\(file)") ?? ""
        }
      }
    }
    return found.sorted { $0.key < $1.key }.map(\.value)
  }

  /// "foo-bar.service" is also subject to "foo-.service.d".
  private static func withPrefixes(_ name: String) -> [String] {
    guard let dot = name.lastIndex(of: ".") else { return [name] }
    let stem = name[..<dot]
    let prefixes = stem.indices.filter { stem[$0] == "-" && stem.index(after: $0) < stem.endIndex }
    return [name] + prefixes.reversed().map { String(stem[...$0] + name[dot...]) }
  }

  /// The assignments of [Unit] and [Service], with lines joined as systemd.syntax(7) joins them.
  private static func assignments(
    in text: String
  ) -> [(section: String, key: String, value: String)] {
    var section = ""
    var found: [(String, String, String)] = []
    var line = ""
    for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let part = trimmed(part)
      if part.hasPrefix("#") || part.hasPrefix(";") { continue }
      if part.hasSuffix("\\") {
        line += part.dropLast() + " "
        continue
      }
      line += part
      defer { line = "" }
      if line.hasPrefix("["), line.hasSuffix("]") {
        section = line
      } else if ["[Unit]", "[Service]"].contains(section), let equals = line.firstIndex(of: "=") {
        found.append(
          (section, trimmed(line[..<equals]), trimmed(line[line.index(after: equals)...])))
      }
    }
    return found
  }

  private static func trimmed(_ text: Substring) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\r\n" }
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return String(text)
  }

  /// Nil where it cannot be read; a masked unit (a link to /dev/null) reads as empty. A unit file
  /// is small: what lies beyond 1 MiB is none.
  private static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    while bytes.count < 1 << 20 {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 { return nil }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func list(_ directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names
  }
}
