/// What the probes of one check remember of the addresses that they ask.
final class OwnerMemory {
  /// The listening sockets of an address as they last were, by inode.
  var seen: [PeerAddress: Set<UInt32>] = [:]
  /// The last byte of a request waits until it is known who gets it: until the child was found to
  /// listen there, and wherever it is not alone. A request may do things, and is not for strangers.
  ///
  /// Not so at first on a passed socket, where it would wait for a scan for strangers that are hardly
  /// ever there.
  var isCareful = true
}
