#define _GNU_SOURCE
#include "claunch_signals.h"

#include <errno.h>

#include "kernel_signals.h"

void claunch_signals_capture(struct claunch_signal_state *state) {
  state->mask = 0;
  state->ignored = 0;
  kernel_sigprocmask(SIG_SETMASK, 0, &state->mask);
  for (int signal = 1; signal <= KERNEL_SIGNALS; signal++) {
    struct kernel_sigaction action = {0};
    if (kernel_sigaction(signal, 0, &action) == 0 && action.handler == SIG_IGN)
      state->ignored |= signal_bit(signal);
  }
}

uint64_t claunch_signals_block(void) {
  // A fault cannot wait: the kernel kills a process that blocks the signal of its own fault. KILL
  // and STOP are never blocked; they are left out so that the mask told is the mask in force.
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP};
  uint64_t mask = ~UINT64_C(0);
  for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
    mask &= ~signal_bit(faults[i]);
  // Between the last standard signal and SIGRTMIN stand the ones glibc uses between its threads.
  for (int signal = 32; signal < SIGRTMIN; signal++) mask &= ~signal_bit(signal);
  set_disposition(SIGCHLD, SIG_DFL);
  kernel_sigprocmask(SIG_SETMASK, &mask, 0);
  return mask;
}

int claunch_signalfd(uint64_t mask) {
  long fd = syscall(SYS_signalfd4, -1, &mask, sizeof mask, SFD_NONBLOCK | SFD_CLOEXEC);
  return fd < 0 ? -errno : (int)fd;
}
