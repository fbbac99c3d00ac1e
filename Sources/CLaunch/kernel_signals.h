#pragma once

// rt_sigaction and rt_sigprocmask without glibc in between. glibc's wrappers take locks that a
// child sharing its parent's memory could wait for in vain, and leave out signals 32 and 33.

#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_SIGNALS 64

// The kernel's struct sigaction as far as SIG_DFL and SIG_IGN need it. Architectures differ in
// what follows the flags; two words of zeroes fit all of them.
struct kernel_sigaction {
  void (*handler)(int);
  unsigned long flags;
  unsigned long rest[3];
};

static inline uint64_t signal_bit(int signal) { return UINT64_C(1) << (signal - 1); }

static inline int kernel_sigaction(int signal, const struct kernel_sigaction *new,
                                   struct kernel_sigaction *old) {
  return (int)syscall(SYS_rt_sigaction, signal, new, old, sizeof(uint64_t));
}

static inline int kernel_sigprocmask(int how, const uint64_t *new, uint64_t *old) {
  return (int)syscall(SYS_rt_sigprocmask, how, new, old, sizeof(uint64_t));
}

static inline void set_disposition(int signal, void (*handler)(int)) {
  struct kernel_sigaction action = {.handler = handler};
  kernel_sigaction(signal, &action, 0);
}
