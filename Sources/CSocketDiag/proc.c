#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "CSocketDiag.h"

// The inode of what a link in /proc/PID/fd names, "socket:[4242]" (proc(5)); 0 for anything else.
static uint32_t socket_inode(int folder, const char *link) {
  static const char prefix[] = "socket:[";
  char text[32];
  ssize_t length = readlinkat(folder, link, text, sizeof text - 1);
  if (length < (ssize_t)sizeof prefix || memcmp(text, prefix, sizeof prefix - 1) != 0) return 0;
  text[length] = 0;
  return (uint32_t)strtoul(text + sizeof prefix - 1, NULL, 10);
}

bool csocketdiag_holds(pid_t process, int descriptor, uint32_t inode) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)process, descriptor);
  return socket_inode(AT_FDCWD, path) == inode;
}

int csocketdiag_find(pid_t process, const uint32_t *inodes, int *descriptors, size_t count) {
  for (size_t i = 0; i < count; i++) descriptors[i] = -1;
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)process);
  DIR *folder = opendir(path);
  if (!folder) return errno;
  size_t left = count;
  struct dirent *entry;
  while (left && (errno = 0, entry = readdir(folder))) {
    uint32_t inode = entry->d_name[0] == '.' ? 0 : socket_inode(dirfd(folder), entry->d_name);
    if (inode == 0) continue;
    for (size_t i = 0; i < count; i++) {
      if (inodes[i] != inode || descriptors[i] >= 0) continue;
      descriptors[i] = atoi(entry->d_name);
      left--;
    }
  }
  int error = left ? errno : 0;
  closedir(folder);
  return error;
}

uint32_t csocketdiag_inode(int socket) {
  struct stat status;
  return fstat(socket, &status) == 0 && S_ISSOCK(status.st_mode) ? (uint32_t)status.st_ino : 0;
}
