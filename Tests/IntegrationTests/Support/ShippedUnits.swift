import Testing

extension Sandbox {
  /// Copies units/ to where an administrator would, and the applications that the units expect.
  func installShippedUnits() async throws {
    let fixtures = Places.Inside.fixtures
    let result = try await shell(
      """
      set -e
      cp \(Places.Inside.units)/* /etc/systemd/system/
      mkdir -p /srv/web-app /srv/default-backend /srv/worker
      cp -r \(fixtures)/*-app \(fixtures)/haproxy \(fixtures)/lighttpd \(fixtures)/tftp /srv/
      cp -r \(fixtures)/www /srv/
      cp \(fixtures)/web_app.py /srv/web-app/
      cp \(fixtures)/default_backend.py /srv/default-backend/
      cp \(fixtures)/worker.py /srv/worker/
      # Where Apache is installed as well, its page hides that of nginx.
      rm -f /var/www/html/index.html
      # Compiled once, and only where there is a compiler: the Debian 13 tree has none.
      if [ ! -e /srv/go-app/go-app ] && [ -e /usr/bin/go ]; then
        cd /srv/go-app
        GOCACHE=/tmp/go-cache CGO_ENABLED=0 /usr/bin/go build -o go-app main.go
      fi
      """)
    try #require(result.succeeded, "\(result)")
    try await run(["systemctl", "daemon-reload"])
  }
}
