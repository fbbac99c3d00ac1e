#define _GNU_SOURCE
#include "close_from.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// What getdents64(2) fills its buffer with.
struct directory_entry {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
};

// The number that a directory entry names, or -1 for "." and "..".
static int number(const char *name) {
  int value = 0;
  for (; *name != '\0'; name++) {
    if (*name < '0' || *name > '9') return -1;
    value = value * 10 + (*name - '0');
  }
  return value;
}

// /proc lists a process's descriptors in ascending order and finds its place by number, so it is
// safe to close them while reading on. opendir is not used: it allocates.
static int close_listed(unsigned first) {
  close((int)first);  // makes room for the directory if the table is full
  int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return errno;
  _Alignas(struct directory_entry) char buffer[1024];
  long length;
  while ((length = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0) {
    for (long at = 0; at < length;) {
      const struct directory_entry *entry = (const struct directory_entry *)(buffer + at);
      int fd = number(entry->name);
      if (fd >= (int)first && fd != directory) close(fd);
      at += entry->length;
    }
  }
  int error = length < 0 ? errno : 0;
  close(directory);
  return error;
}

// Without /proc every number below the limit is tried. Descriptors that were opened above a limit
// lowered since then are out of reach; that is the best an old kernel allows.
static int close_each(unsigned first) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno;
  for (rlim_t fd = first; fd < limit.rlim_cur; fd++) close((int)fd);
  return 0;
}

int close_from(unsigned first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return 0;
  // Kernels before 5.9 do not know the call, and some container runtimes answer EPERM to what they
  // do not know.
  if (errno != ENOSYS && errno != EPERM) return errno;
  return close_listed(first) == 0 ? 0 : close_each(first);
}
