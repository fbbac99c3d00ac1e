#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CAdopt.h"

static ssize_t read_of_thread(pid_t process, pid_t thread, const char *what, char text[256]) {
  char path[80];
  snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)process, (int)thread, what);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t length = read(file, text, 255);
  close(file);
  if (length >= 0) text[length] = 0;
  return length;
}

// /proc/PID/task/TID/syscall: the number and the arguments of the call that a thread waits in, or
// "running" (proc(5)).
static bool waits_in_accept(const char *call, int descriptor) {
  long number;
  unsigned long first;
  if (sscanf(call, "%ld %lx", &number, &first) != 2) return false;
  return (number == SYS_accept || number == SYS_accept4) && (int)first == descriptor;
}

// How often a thread was given a CPU: the third number of its schedstat; 0 where that is not told.
static unsigned long turns(pid_t process, pid_t thread) {
  char text[256];
  unsigned long count = 0;
  if (read_of_thread(process, thread, "schedstat", text) > 0) sscanf(text, "%*u %*u %lu", &count);
  return count;
}

size_t cadopt_acceptors(pid_t process, int descriptor, struct cadopt_acceptor *found, size_t room) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/task", (int)process);
  DIR *threads = opendir(path);
  if (threads == 0) return 0;
  size_t count = 0;
  for (struct dirent *entry; count < room && (entry = readdir(threads)) != 0;) {
    pid_t thread = atoi(entry->d_name);
    char call[256];
    // First, so that a turn between the two is not missed.
    unsigned long had = thread > 0 ? turns(process, thread) : 0;
    if (thread > 0 && read_of_thread(process, thread, "syscall", call) > 0 &&
        waits_in_accept(call, descriptor))
      found[count++] = (struct cadopt_acceptor){.thread = thread, .turns = had};
  }
  closedir(threads);
  return count;
}

bool cadopt_has_left(pid_t process, int descriptor, const struct cadopt_acceptor *acceptor) {
  char call[256];
  if (read_of_thread(process, acceptor->thread, "syscall", call) <= 0) return true;
  // Woken, a thread counts as running before it runs.
  if (call[0] == 'r') return turns(process, acceptor->thread) > acceptor->turns;
  return !waits_in_accept(call, descriptor);
}
