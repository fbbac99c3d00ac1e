#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "CAdopt.h"

// process_vm_readv(2) may be what a system call filter forbids, or a kernel without
// CONFIG_CROSS_MEMORY_ATTACH lacks.
static int read_file(pid_t process, uint64_t address, void *buffer, size_t length) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/mem", (int)process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno;
  ssize_t count = pread(file, buffer, length, (off_t)address);
  int error = count == (ssize_t)length ? 0 : count < 0 ? errno : EFAULT;
  close(file);
  return error;
}

int cadopt_read(pid_t process, uint64_t address, void *buffer, size_t length) {
  struct iovec here = {.iov_base = buffer, .iov_len = length};
  struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = length};
  ssize_t count = process_vm_readv(process, &here, 1, &there, 1, 0);
  if (count == (ssize_t)length) return 0;
  if (count >= 0 || errno == EFAULT) return EFAULT;
  return errno == ESRCH ? ESRCH : read_file(process, address, buffer, length);
}

#define PIDFD_THREAD_FLAG O_EXCL  // PIDFD_THREAD of linux/pidfd.h, Linux 6.9

int cadopt_copy(pid_t thread, int descriptor) {
  int pidfd = (int)syscall(SYS_pidfd_open, thread, PIDFD_THREAD_FLAG);
  if (pidfd < 0 && errno == EINVAL) pidfd = (int)syscall(SYS_pidfd_open, thread, 0);
  if (pidfd < 0) return -errno;
  int copy = (int)syscall(SYS_pidfd_getfd, pidfd, descriptor, 0);
  if (copy < 0) copy = -errno;
  close(pidfd);
  return copy;
}

pid_t cadopt_fork(void) {
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(0);
  }
  return child;
}

void *cadopt_shared(size_t size) {
  void *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? 0 : memory;
}
