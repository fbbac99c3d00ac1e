#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The environment as the process holds it: Swift 6 refuses the mutable global itself.
static inline char *const *claunch_environment(void) {
  extern char **environ;
  return environ;
}

// pipe2(2) with both ends close-on-exec. Returns 0 or an errno.
int claunch_pipe(int ends[2]);

// Makes orphaned descendants this process's children, so that it can reap them
// (PR_SET_CHILD_SUBREAPER, prctl(2)). Returns 0 or an errno.
static inline int claunch_become_subreaper(void) {
  return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno;
}

// Sends a signal to one thread of a process (tgkill(2)). Returns 0 or an errno.
static inline int claunch_signal_thread(pid_t process, pid_t thread, int signal) {
  return syscall(SYS_tgkill, process, thread, signal) == 0 ? 0 : errno;
}

// The parts of a wait status (waitpid(2)).
static inline bool claunch_exited(int status) { return WIFEXITED(status); }
static inline int claunch_exit_code(int status) { return WEXITSTATUS(status); }
static inline int claunch_ending_signal(int status) { return WTERMSIG(status); }
static inline bool claunch_dumped_core(int status) { return WCOREDUMP(status); }

// Ends this process by a signal, as if the signal had come from outside, but without a core dump:
// a dump of this process would hide the one of the program that really crashed. A PID 1 is not
// killed by its own signals; it exits with 128 + signal, as a shell would tell it.
// Only system calls: nothing is flushed, no exit handler runs.
_Noreturn void claunch_end_by_signal(int signal);
