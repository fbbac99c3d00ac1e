#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CAdopt.h"

// /proc/PID/task/TID/syscall: the number and the arguments of the call that a thread waits in, or
// "running" (proc(5)).
static bool waits_in_accept(pid_t process, const char *thread, int descriptor) {
  char path[80];
  snprintf(path, sizeof path, "/proc/%d/task/%.20s/syscall", (int)process, thread);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[256];
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return false;
  text[length] = 0;
  long number;
  unsigned long first;
  if (sscanf(text, "%ld %lx", &number, &first) != 2) return false;
  return (number == SYS_accept || number == SYS_accept4) && (int)first == descriptor;
}

bool cadopt_accepts(pid_t process, int descriptor) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/task", (int)process);
  DIR *threads = opendir(path);
  if (threads == 0) return false;
  bool found = false;
  for (struct dirent *entry; !found && (entry = readdir(threads)) != 0;)
    found = entry->d_name[0] != '.' && waits_in_accept(process, entry->d_name, descriptor);
  closedir(threads);
  return found;
}
