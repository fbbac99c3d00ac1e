#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CAdopt.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#if defined __x86_64__
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
// Calls of the x32 kind have this bit in their number (syscall(2)).
#define FIRST_FOREIGN_NUMBER 0x40000000U
#elif defined __aarch64__
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#define FIRST_FOREIGN_NUMBER 0xFFFFFFFFU
#else
#error "the system call numbers of this architecture are not known here"
#endif

// sizeof(struct sockaddr_nl): netlink sockets are bound often, and never passed.
#define NETLINK_LENGTH 12

#define NUMBER offsetof(struct seccomp_data, nr)
#define ARCHITECTURE offsetof(struct seccomp_data, arch)
// The lower half of an argument: both architectures are little-endian.
#define ARGUMENT(n) offsetof(struct seccomp_data, args[n])

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define IF_EQUAL(value, then, otherwise) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (then), (otherwise))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))

#define NO_NUMBER 0xFFFFFFFFU
// Younger architectures have none of these, but those with "at" in their names.
#ifdef SYS_unlink
#define NUMBER_OF_UNLINK SYS_unlink
#else
#define NUMBER_OF_UNLINK NO_NUMBER
#endif
#ifdef SYS_rename
#define NUMBER_OF_RENAME SYS_rename
#else
#define NUMBER_OF_RENAME NO_NUMBER
#endif
#ifdef SYS_renameat
#define NUMBER_OF_RENAMEAT SYS_renameat
#else
#define NUMBER_OF_RENAMEAT NO_NUMBER
#endif

// Every number but those asked about meets constant actions alone, so that the kernel lets them pass
// by a bitmap, without running the filter (Linux 5.11). System calls of another architecture, as those
// of a 32-bit program, are none of ours: their numbers mean other calls.
static unsigned short make_program(const struct cadopt_filter *filter, struct sock_filter *program) {
  const bool paths = filter->asks_paths;
  const struct sock_filter lines[] = {
      LOAD(ARCHITECTURE),
      IF_EQUAL(OWN_ARCHITECTURE, 0, 11),
      LOAD(NUMBER),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_FOREIGN_NUMBER, 9, 0),
      IF_EQUAL(SYS_bind, 9, 0),
      IF_EQUAL(SYS_listen, 12, 0),
      IF_EQUAL(filter->asks_shutdown ? SYS_shutdown : NO_NUMBER, 9, 0),
      IF_EQUAL(filter->refuses_io_uring ? SYS_io_uring_setup : NO_NUMBER, 11, 0),
      IF_EQUAL(paths ? NUMBER_OF_UNLINK : NO_NUMBER, 9, 0),
      IF_EQUAL(paths ? SYS_unlinkat : NO_NUMBER, 8, 0),
      IF_EQUAL(paths ? NUMBER_OF_RENAME : NO_NUMBER, 7, 0),
      IF_EQUAL(paths ? NUMBER_OF_RENAMEAT : NO_NUMBER, 6, 0),
      IF_EQUAL(paths ? SYS_renameat2 : NO_NUMBER, 5, 0),
      RETURN(SECCOMP_RET_ALLOW),
      // bind
      LOAD(ARGUMENT(2)),
      IF_EQUAL(filter->asks_short_bind ? NO_NUMBER : NETLINK_LENGTH, 4, 2),
      // shutdown: that of the sending side, which is how connections are closed, leaves a listening
      // socket as it is.
      LOAD(ARGUMENT(1)),
      IF_EQUAL(SHUT_WR, 2, 0),
      RETURN(SECCOMP_RET_USER_NOTIF),
      RETURN(SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA)),
      RETURN(SECCOMP_RET_ALLOW),
  };
  memcpy(program, lines, sizeof lines);
  return sizeof lines / sizeof *lines;
}

static int install(const struct sock_fprog *program, unsigned long flags) {
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

// The descriptor on which the kernel asks, or -1.
static int listener(struct cadopt_filter *filter, const struct sock_fprog *program) {
  // Without SPEC_ALLOW kernels before 5.16 would slow the program down (seccomp(2)).
  const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  filter->is_interruptible = false;
  int fd = install(program, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (fd >= 0 || errno != EINVAL) return fd;
  fd = install(program, flags);
  filter->is_interruptible = fd >= 0;
  return fd;
}

static int send_on(int socket, int fd) {
  char byte = 0;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof fd)];
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {
      .msg_iov = &data,
      .msg_iovlen = 1,
      .msg_control = &control,
      .msg_controllen = sizeof control,
  };
  control.header = (struct cmsghdr){
      .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

int cadopt_install(void *argument) {
  struct cadopt_filter *filter = argument;
  struct sock_filter lines[32];
  struct sock_fprog program = {.len = make_program(filter, lines), .filter = lines};

  filter->set_no_new_privs = false;
  filter->step = CADOPT_STEP_FILTER;
  int fd = listener(filter, &program);
  // Neither CAP_SYS_ADMIN nor no_new_privs (seccomp(2)).
  if (fd < 0 && errno == EACCES) {
    filter->step = CADOPT_STEP_NO_NEW_PRIVS;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    filter->set_no_new_privs = true;
    filter->step = CADOPT_STEP_FILTER;
    fd = listener(filter, &program);
  }
  if (fd < 0) return errno;

  filter->step = CADOPT_STEP_SEND;
  int error = send_on(filter->socket, fd);
  close(fd);
  if (error == 0) filter->step = CADOPT_STEP_NONE;
  return error;
}

int cadopt_pair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno;
}

int cadopt_receive(int socket) {
  char byte;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {
      .msg_iov = &data,
      .msg_iovlen = 1,
      .msg_control = &control,
      .msg_controllen = sizeof control,
  };
  ssize_t length;
  do {
    length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length < 0) return -errno;
  // Without a number left for it the kernel drops it and says no more than MSG_CTRUNC.
  if (length == 0) return -EAGAIN;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_type != SCM_RIGHTS) return -EMFILE;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}
