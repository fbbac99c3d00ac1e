#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "CSocketDiag.h"

bool csocketdiag_waits(int socket) {
  struct pollfd entry = {.fd = socket, .events = POLLIN};
  return poll(&entry, 1, 0) > 0;
}

// FIOASYNC and not F_SETFL, which would write all flags at once and so could undo what another holder
// of the same open file description changes meanwhile.
static int set_async(int socket, int on) { return ioctl(socket, FIOASYNC, &on) == 0 ? 0 : errno; }

int csocketdiag_arm(int socket, int signal) {
  if (fcntl(socket, F_SETOWN, getpid()) != 0) return errno;
  if (fcntl(socket, F_SETSIG, signal) != 0) return errno;
  return set_async(socket, 1);
}

void csocketdiag_disarm(int socket) { set_async(socket, 0); }

bool csocketdiag_is_armed(int socket) {
  int flags = fcntl(socket, F_GETFL);
  return flags >= 0 && flags & O_ASYNC && fcntl(socket, F_GETOWN) == getpid();
}

bool csocketdiag_is_pending(int signal) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, signal) == 1;
}
