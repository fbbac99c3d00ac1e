#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "CAdopt.h"

// The kernel writes its own idea of the structures, which later versions may make longer
// (SECCOMP_GET_NOTIF_SIZES).
union question {
  struct seccomp_notif data;
  char room[512];
};
union answer {
  struct seccomp_notif_resp data;
  char room[512];
};

static enum cadopt_question question(int number) {
  switch (number) {
    case SYS_bind: return CADOPT_BIND;
    case SYS_listen: return CADOPT_LISTEN;
    case SYS_shutdown: return CADOPT_SHUTDOWN;
#ifdef SYS_unlink
    case SYS_unlink: return CADOPT_UNLINK;
#endif
    case SYS_unlinkat: return CADOPT_UNLINKAT;
#ifdef SYS_rename
    case SYS_rename: return CADOPT_RENAME;
#endif
#ifdef SYS_renameat
    case SYS_renameat:
#endif
    case SYS_renameat2: return CADOPT_RENAMEAT;
    default: return CADOPT_OTHER;
  }
}

int cadopt_next(int listener, struct cadopt_call *call) {
  union question asked;
  memset(&asked, 0, sizeof asked);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return errno;
  *call = (struct cadopt_call){
      .id = asked.data.id,
      .thread = (pid_t)asked.data.pid,
      .question = question(asked.data.data.nr),
  };
  for (int i = 0; i < 6; i++) call->arguments[i] = asked.data.data.args[i];
  return 0;
}

bool cadopt_is_waiting(int listener, uint64_t id) {
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static int answer(int listener, union answer *answer) {
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer) == 0 ? 0 : errno;
}

int cadopt_return(int listener, uint64_t id, int64_t value, int error) {
  union answer given;
  memset(&given, 0, sizeof given);
  given.data.id = id;
  given.data.val = value;
  given.data.error = -error;
  return answer(listener, &given);
}

int cadopt_continue(int listener, uint64_t id) {
  union answer given;
  memset(&given, 0, sizeof given);
  given.data.id = id;
  given.data.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  return answer(listener, &given);
}

int cadopt_place(int listener, uint64_t id, int descriptor, int at, bool close_on_exec) {
  struct seccomp_notif_addfd placed = {
      .id = id,
      .flags = SECCOMP_ADDFD_FLAG_SETFD,
      .srcfd = (uint32_t)descriptor,
      .newfd = (uint32_t)at,
      .newfd_flags = close_on_exec ? O_CLOEXEC : 0,
  };
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &placed) >= 0 ? 0 : errno;
}
