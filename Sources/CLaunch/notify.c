#define _GNU_SOURCE
#include "claunch_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Newer than Debian 12's headers: <asm-generic/socket.h> and <linux/pidfd.h>.
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

int claunch_notify_open(const struct sockaddr *address, socklen_t length) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int on = 1;
  // Before it is bound, so that no datagram comes without. An older kernel has no pidfds to give.
  bool fits = setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0;
  setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on);
  fits = fits && fcntl(fd, F_SETOWN, getpid()) == 0 &&
         fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) == 0 && bind(fd, address, length) == 0;
  if (fits) return fd;
  int error = errno;
  close(fd);
  return -error;
}

int claunch_notify_receive(int socket, void *buffer, size_t size,
                           struct claunch_datagram *datagram) {
  union {
    char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)) +
               CMSG_SPACE(CLAUNCH_MAX_DESCRIPTORS * sizeof(int))];
    struct cmsghdr alignment;
  } control;
  struct iovec vector = {.iov_base = buffer, .iov_len = size};
  struct msghdr message = {
    .msg_iov = &vector,
    .msg_iovlen = 1,
    .msg_control = &control,
    .msg_controllen = sizeof control,
  };
  datagram->pid = 0;
  datagram->uid = (uid_t)-1;
  datagram->pidfd = -1;
  datagram->descriptor_count = 0;
  do datagram->length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (datagram->length < 0 && errno == EINTR);
  if (datagram->length < 0) return errno;
  datagram->is_truncated = (message.msg_flags & MSG_TRUNC) != 0;
  datagram->lost_descriptors = (message.msg_flags & MSG_CTRUNC) != 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    size_t length = part->cmsg_len - CMSG_LEN(0);
    if (part->cmsg_type == SCM_CREDENTIALS && length == sizeof(struct ucred)) {
      struct ucred sender;
      memcpy(&sender, CMSG_DATA(part), sizeof sender);
      datagram->pid = sender.pid;
      datagram->uid = sender.uid;
    } else if (part->cmsg_type == SCM_PIDFD && length == sizeof(int)) {
      // Without a descriptor left there is an error in its place.
      memcpy(&datagram->pidfd, CMSG_DATA(part), sizeof(int));
    } else if (part->cmsg_type == SCM_RIGHTS) {
      datagram->descriptor_count = (uint32_t)(length / sizeof(int));
      memcpy(datagram->descriptors, CMSG_DATA(part), datagram->descriptor_count * sizeof(int));
    }
  }
  return 0;
}

// struct pidfd_info of <linux/pidfd.h> in its first version, and the request for it.
struct pidfd_facts {
  uint64_t mask;
  uint64_t cgroup;
  uint32_t rest[12];
};
#define GET_FACTS _IOWR(0xFF, 11, struct pidfd_facts)
#define FACT_CGROUP (UINT64_C(1) << 2)
#define FACT_EXIT (UINT64_C(1) << 3)

uint64_t claunch_pidfd_cgroup(int pidfd) {
  struct pidfd_facts facts = {.mask = FACT_CGROUP | FACT_EXIT};
  if (pidfd < 0 || ioctl(pidfd, GET_FACTS, &facts) != 0) return 0;
  return facts.mask & FACT_CGROUP ? facts.cgroup : 0;
}

uint64_t claunch_own_cgroup(void) {
  int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
  uint64_t group = claunch_pidfd_cgroup(own);
  if (own >= 0) close(own);
  return group;
}

int claunch_ask_for_senders(int socket) {
  int on = 1;
  return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 ? 0 : errno;
}

ssize_t claunch_receive_from(int socket, void *buffer, size_t size, pid_t *sender,
                             uid_t *user) {
  union {
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr alignment;
  } control;
  struct iovec vector = {.iov_base = buffer, .iov_len = size};
  struct msghdr message = {
    .msg_iov = &vector,
    .msg_iovlen = 1,
    .msg_control = &control,
    .msg_controllen = sizeof control,
  };
  *sender = 0;
  *user = (uid_t)-1;
  ssize_t length;
  do length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (length < 0 && errno == EINTR);
  if (length < 0) return -errno;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    struct ucred sent;
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
    memcpy(&sent, CMSG_DATA(part), sizeof sent);
    *sender = sent.pid;
    *user = sent.uid;
  }
  return length;
}
