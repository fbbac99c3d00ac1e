#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CAdopt.h"

int cadopt_read_text(pid_t process, uint64_t address, char *buffer, size_t size) {
  const uint64_t page = 4096;
  size_t length = 0;
  // A page at a time: what follows the text may not be mapped.
  while (length < size) {
    size_t part = page - (address + length) % page;
    if (part > size - length) part = size - length;
    int error = cadopt_read(process, address + length, buffer + length, part);
    if (error != 0) return error;
    if (memchr(buffer + length, 0, part) != 0) return 0;
    length += part;
  }
  return ENAMETOOLONG;
}

static int identify(int file, struct cadopt_file *found) {
  struct stat status;
  if (fstat(file, &status) != 0) return errno;
  *found = (struct cadopt_file){.device = status.st_dev, .inode = status.st_ino};
  return 0;
}

static int open_in(int folder, const char *path, uint64_t resolve) {
  struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = resolve};
  int found = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
  if (found >= 0 || (errno != EPERM && errno != ENOSYS)) return found;
  // A system call filter that is older than openat2. Without it an absolute symbolic link on the way is
  // taken as this process would, which makes a difference only to a program with another root.
  while (*path == '/') path++;
  return openat(folder, *path == 0 ? "." : path, (int)how.flags);
}

int cadopt_find_file(pid_t thread, int folder, const char *path, struct cadopt_file *file) {
  bool is_absolute = path[0] == '/';
  char start[64];
  if (is_absolute)
    snprintf(start, sizeof start, "/proc/%d/root", (int)thread);
  else if (folder == AT_FDCWD)
    snprintf(start, sizeof start, "/proc/%d/cwd", (int)thread);
  else
    snprintf(start, sizeof start, "/proc/%d/fd/%d", (int)thread, folder);
  int from = open(start, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (from < 0) return errno;
  // Its root is the limit for absolute paths, also of symbolic links on the way.
  int found = open_in(from, path, is_absolute ? RESOLVE_IN_ROOT : 0);
  int error = found < 0 ? errno : identify(found, file);
  if (found >= 0) close(found);
  close(from);
  return error;
}

int cadopt_own_file(const char *path, struct cadopt_file *file) {
  int found = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (found < 0) return errno;
  int error = identify(found, file);
  close(found);
  return error;
}
