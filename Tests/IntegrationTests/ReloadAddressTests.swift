import Testing

extension UnderSystemd {
  @Suite("whom vouch reload asks") struct ReloadAddresses {
    @Test("two vouches of one number, in two pid namespaces and one network, are told apart")
    func equalNumbers() async throws {
      try await Replaceable.with("reload-equal") { app in
        let sandbox = app.service.sandbox
        let main = try await app.service.mainPID
        let port = Service.freshPort()
        let control = Service.freshFile("replaceable")
        let output = Service.freshFile("output")
        // The next process of its namespace gets that number, as in a container by chance.
        try await sandbox.shell(
          """
          echo ok > \(control)
          echo 'echo \(main - 1) > /proc/sys/kernel/ns_last_pid
          \(Places.Inside.vouch) --http / --interval 1s --on-reload replace \
            --listen 127.0.0.1:\(port) -- /usr/bin/python3 \
            \(Places.Inside.fixtures)/replaceable.py \(control) & echo $!; wait' > \(control).sh
          unshare --pid --fork --mount-proc --kill-child sh \(control).sh > \(output) 2>&1 &
          echo $! > \(control).holder
          """)
        func answer() async throws -> String {
          try await sandbox.run(["curl", "-s", "http://127.0.0.1:\(port)/"]).output.trimmed
        }
        try await eventually("the other one serves") {
          try await answer()
        } holds: {
          $0 == "1"
        }
        let text = try await sandbox.run(["cat", output]).output
        #expect(text.split(separator: "\n").contains("\(main)"), "of one number: \(text)")
        #expect(!text.contains("will not reach"), "\(text)")

        #expect(try await app.reload().succeeded)
        #expect(try await app.answer() == "2")
        #expect(try await answer() == "1", "it was not asked")

        // From the outside, by the number that it has there.
        let reloaded = try await sandbox.shell(
          """
          holder=$(cat \(control).holder)
          for process in $(cat /proc/$holder/task/$holder/children); do
            for vouch in $(cat /proc/$process/task/$process/children); do
              \(Places.Inside.vouch) reload --pid $vouch
            done
          done
          """)
        #expect(reloaded.output + reloaded.errors == "" && reloaded.succeeded, "\(reloaded)")
        #expect(try await answer() == "2")
        #expect(try await app.answer() == "2")
        try await sandbox.shell("kill -KILL $(cat \(control).holder)")
      }
    }

    @Test("PrivatePIDs=: ExecReload= reaches the main process, which it does not see")
    func privatePIDs() async throws {
      let sandbox = try await Sandbox.shared
      guard try await sandbox.systemdVersion >= 257 else {
        try Test.cancel("PrivatePIDs= came with systemd 257")
      }
      try await Replaceable.with("reload-private", "PrivatePIDs=yes") { first in
        try await Replaceable.with("reload-private-2", "PrivatePIDs=yes") { second in
          #expect(try await first.reload().succeeded)
          #expect(try await first.answer() == "2")
          #expect(try await second.answer() == "1", "it was not asked")
          try await second.next("exit 1")
          #expect(try await !second.reload().succeeded)
          #expect(try await second.answer() == "1")
        }
      }
    }

    @Test("who has taken the address of another process is not believed")
    func squatter() async throws {
      let sandbox = try await Sandbox.shared
      let ready = Service.freshFile("squatter")
      let result = try await sandbox.shell(
        """
        sleep 60 & victim=$!
        /usr/bin/python3 -c '
        import array, os, socket, sys
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        own.bind("\\0vouch-reload/%d/%s" % (os.stat("/proc/self/ns/pid").st_ino, sys.argv[1]))
        open(sys.argv[2], "w")
        _, descriptors, _, _ = socket.recv_fds(own, 64, 1)
        socket.socket(fileno=descriptors[0]).send(b"done\\n")
        ' $victim \(ready) & squatter=$!
        while [ ! -e \(ready) ]; do sleep 0.05; done
        \(Places.Inside.vouch) reload --pid $victim; echo $?
        kill $victim $squatter 2> /dev/null
        """)
      #expect(result.output == "70\n", "\(result)")
      #expect(result.errors.contains("the answer is not of process"), "\(result)")
    }
  }
}
