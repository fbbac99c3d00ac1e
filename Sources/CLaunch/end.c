#define _GNU_SOURCE
#include <sys/resource.h>

#include "claunch_process.h"
#include "kernel_signals.h"

_Noreturn void claunch_end_by_signal(int signal) {
  // RLIMIT_CORE alone does not stop a core_pattern that pipes to a program (core(5)).
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

  set_disposition(signal, SIG_DFL);
  uint64_t only = signal_bit(signal);
  kernel_sigprocmask(SIG_UNBLOCK, &only, 0);
  syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signal);
  _exit(128 + signal);
}
