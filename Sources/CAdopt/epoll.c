#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CAdopt.h"

// The lines "tfd: N events: HEX data: HEX pos:N ino:HEX sdev:HEX" of /proc/PID/fdinfo (proc(5)): what
// an epoll instance watches.
static ssize_t watches_of(pid_t process, int epoll, const uint64_t inodes[2],
                          struct cadopt_watch *found, size_t room) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)process, epoll);
  FILE *file = fopen(path, "re");
  // Closed meanwhile.
  if (file == 0) return errno == ENOENT ? 0 : -errno;
  char line[256];
  size_t count = 0;
  while (count < room && fgets(line, sizeof line, file) != 0) {
    int number;
    unsigned events;
    unsigned long long data;
    unsigned long long ino;
    if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*d ino:%llx", &number, &events, &data,
               &ino) == 4 &&
        (ino == inodes[0] || ino == inodes[1]))
      found[count++] = (struct cadopt_watch){
          .epoll = epoll, .number = number, .inode = ino, .events = events, .data = data};
  }
  fclose(file);
  return (ssize_t)count;
}

ssize_t cadopt_watches(pid_t process, const uint64_t inodes[2], struct cadopt_watch *found,
                       size_t room) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)process);
  DIR *descriptors = opendir(path);
  if (descriptors == 0) return -errno;
  size_t count = 0;
  for (struct dirent *entry; count < room && (entry = readdir(descriptors)) != 0;) {
    static const char kind[] = "anon_inode:[eventpoll]";
    char target[sizeof kind];
    ssize_t length = readlinkat(dirfd(descriptors), entry->d_name, target, sizeof target);
    if (length != sizeof kind - 1 || memcmp(target, kind, sizeof kind - 1) != 0) continue;
    ssize_t more = watches_of(process, atoi(entry->d_name), inodes, found + count, room - count);
    if (more < 0) {
      closedir(descriptors);
      return more;
    }
    count += (size_t)more;
  }
  closedir(descriptors);
  return (ssize_t)count;
}

// epoll knows a watched socket by its open file and its number, and takes the latter for the number in
// the table of whoever calls. The caller's own table has something else there, so that this happens in
// a process that shares the caller's memory and has a copy of its table (clone(2) without CLONE_FILES).
struct change {
  int epoll;
  int operation;
  int socket;
  const struct cadopt_watch *watch;
  int error;
};

static int allow_number(int number) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno;
  if ((rlim_t)number < limit.rlim_cur) return 0;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : errno;
}

static int apply(void *argument) {
  struct change *change = argument;
  int number = change->watch->number;
  int epoll = change->epoll;
  // This process's own limit; the program may have a higher one than vouch.
  change->error = allow_number(number);
  if (change->error != 0) _exit(0);
  if (epoll == number) epoll = dup(epoll);
  if (epoll < 0 || (change->socket != number && dup2(change->socket, number) < 0)) {
    change->error = errno;
    _exit(0);
  }
  struct epoll_event event = {.events = change->watch->events, .data.u64 = change->watch->data};
  if (epoll_ctl(epoll, change->operation, number, &event) != 0) change->error = errno;
  _exit(0);
}

static int change_watch(struct change *change) {
  _Alignas(16) char stack[16 * 1024];
  // No signal at its end, so that it is nobody's child but this thread's (__WCLONE of wait(2)).
  pid_t process = clone(apply, stack + sizeof stack, CLONE_VM | CLONE_VFORK, change);
  if (process < 0) return errno;
  while (waitpid(process, 0, __WCLONE) < 0 && errno == EINTR) continue;
  return change->error;
}

int cadopt_watch_again(int epoll, int socket, const struct cadopt_watch *watch) {
  struct change change = {
      .epoll = epoll, .operation = EPOLL_CTL_ADD, .socket = socket, .watch = watch};
  return change_watch(&change);
}

int cadopt_unwatch(int epoll, int socket, const struct cadopt_watch *watch) {
  struct change change = {
      .epoll = epoll, .operation = EPOLL_CTL_DEL, .socket = socket, .watch = watch};
  return change_watch(&change);
}
