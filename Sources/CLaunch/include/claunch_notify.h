#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

// The most descriptors that one datagram carries (SCM_MAX_FD of the kernel's net/core/scm.c).
#define CLAUNCH_MAX_DESCRIPTORS 253

// One datagram, with what the kernel says of its sender.
struct claunch_datagram {
  ssize_t length;     // bytes in the buffer
  bool is_truncated;  // the datagram was longer than the buffer
  bool lost_descriptors;  // this process has no number left for some of its descriptors
  pid_t pid;              // SCM_CREDENTIALS: 0 for a sender outside this pid namespace
  uid_t uid;
  int pidfd;  // SCM_PIDFD, from Linux 6.5 on; -1 without
  uint32_t descriptor_count;
  int descriptors[CLAUNCH_MAX_DESCRIPTORS];  // close-on-exec; the caller's to close
};

// Opens a datagram socket that is bound to this address, non-blocking and close-on-exec, whose
// datagrams tell of their sender (SO_PASSCRED, SO_PASSPIDFD), and whose readability raises SIGIO in
// this process. Returns the descriptor, or -errno.
int claunch_notify_open(const struct sockaddr *address, socklen_t length);

// Receives one datagram without waiting. Returns 0 or an errno, EAGAIN where none is there.
int claunch_notify_receive(int socket, void *buffer, size_t size,
                           struct claunch_datagram *datagram);

// Lets what is sent to a Unix socket from now on tell of its sender (SO_PASSCRED). Returns 0 or an errno.
int claunch_ask_for_senders(int socket);

// Receives from such a socket, which is connected, waiting as long as it takes. Returns the bytes that
// came, 0 at the end, or -errno; sender is the process that sent them, or 0 where it is outside this pid
// namespace, and user its effective user.
ssize_t claunch_receive_from(int socket, void *buffer, size_t size, pid_t *sender, uid_t *user);

// The id of the control group that the process behind a pidfd belongs to, or belonged to when it
// ended, even if it was reaped since (PIDFD_GET_INFO, Linux 6.15); 0 where the kernel does not tell.
uint64_t claunch_pidfd_cgroup(int pidfd);

// The same of this process.
uint64_t claunch_own_cgroup(void);
