import Testing

extension Sandbox {
  /// Copies units/ to where an administrator would, and the applications that the units expect.
  func installShippedUnits() async throws {
    let fixtures = Places.Inside.fixtures
    let result = try await shell(
      """
      set -e
      cp \(Places.Inside.units)/* /etc/systemd/system/
      mkdir -p /srv/web-app /srv/default-backend
      cp -r \(fixtures)/wsgi-app \(fixtures)/node-app \(fixtures)/www /srv/
      cp \(fixtures)/web_app.py /srv/web-app/
      cp \(fixtures)/default_backend.py /srv/default-backend/
      """)
    try #require(result.succeeded, "\(result)")
    try await run(["systemctl", "daemon-reload"])
  }
}
