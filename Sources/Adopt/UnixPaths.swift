import CAdopt
import Glibc

/// What tells a file from all others.
struct FileIdentity: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64

  init(_ file: cadopt_file) { (device, inode) = (file.device, file.inode) }
}

/// The paths of the passed Unix sockets.
///
/// Programs remove the path before they bind it, since a former run may have left it, and many do so
/// again when they end. A path that is gone cannot be had again without a gap in which clients find
/// nothing, so it stays: removing it is answered as done, and then so is the bind. Nothing but the path
/// is pretended: that the program may have no right to remove it does not matter.
struct UnixPaths: Sendable {
  private struct Known: Sendable {
    var index: Int
    var address: BindAddress
    var name: [UInt8]
    /// Found as the sockets came; nil where vouch does not see the path, as with a /tmp of its own.
    var file: FileIdentity?
  }
  private let known: [Known]

  init(_ addresses: [BindAddress]) {
    known = addresses.enumerated().compactMap { index, address in
      guard case .path(let path) = address else { return nil }
      var file = cadopt_file()
      let isFound = (path + [0]).withUnsafeBufferPointer {
        $0.withMemoryRebound(to: CChar.self) { cadopt_own_file($0.baseAddress, &file) } == 0
      }
      return Known(
        index: index, address: address, name: Self.name(path),
        file: isFound ? FileIdentity(file) : nil)
    }
  }

  var isEmpty: Bool { known.isEmpty }

  /// The passed address that a path means, in whatever words: relative to where the program is, or by
  /// way of a symbolic link. Any other address as it is.
  func passed(_ address: BindAddress, _ asker: Asker) -> BindAddress {
    guard case .path(let path) = address, !known.contains(where: { $0.address == address }),
      let match = match(path, from: AT_FDCWD, asker)
    else { return address }
    return match.address
  }

  /// The index of the passed socket whose path this is; nil for all others.
  ///
  /// - Parameter folder: a descriptor of the program's, or AT_FDCWD.
  func index(_ path: [UInt8], from folder: CInt, _ asker: Asker) -> Int? {
    match(path, from: folder, asker)?.index
  }

  /// By the file, where the name at the end is the same: most that programs remove goes no further.
  private func match(_ path: [UInt8], from folder: CInt, _ asker: Asker) -> Known? {
    let name = Self.name(path)
    guard known.contains(where: { $0.file != nil && $0.name == name }),
      let file = asker.file(path, from: folder)
    else { return nil }
    return known.first { $0.file == file }
  }

  private static func name(_ path: [UInt8]) -> [UInt8] {
    Array(path.split(separator: UInt8(ascii: "/")).last ?? [])
  }
}

extension Asker {
  /// A path in its memory; nil where there is none to be read.
  func text(_ address: UInt64) -> [UInt8]? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
      guard cadopt_read_text(thread, address, buffer.baseAddress, buffer.count) == 0 else {
        return nil
      }
      return buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
    }
  }

  /// Whether nothing is at a path for it.
  func lacks(_ path: [UInt8]) -> Bool {
    var file = cadopt_file()
    return find(path, AT_FDCWD, &file) == ENOENT
  }

  /// The file that a path names for it; of a symbolic link the link. Nil where there is none.
  func file(_ path: [UInt8], from folder: CInt) -> FileIdentity? {
    var file = cadopt_file()
    return find(path, folder, &file) == 0 ? FileIdentity(file) : nil
  }

  private func find(_ path: [UInt8], _ folder: CInt, _ file: inout cadopt_file) -> CInt {
    (path + [0]).withUnsafeBufferPointer {
      $0.withMemoryRebound(to: CChar.self) {
        cadopt_find_file(thread, folder, $0.baseAddress, &file)
      }
    }
  }
}
