/// The version of this program, as `vouch --version` and the User-Agent of its probes tell it.
public let vouchVersion = "0.1.0"
