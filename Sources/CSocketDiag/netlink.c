#define _GNU_SOURCE
#include "netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "CSocketDiag.h"

// The kernel cuts an answer into pieces no longer than the longest buffer it was given, and at least
// as long as NLMSG_GOODSIZE, which is this at most.
enum { PIECE = 8192 };

int csocketdiag_open(void) {
  int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
  return fd < 0 ? -errno : fd;
}

int ask(int netlink, struct nlmsghdr *question, take_message take, void *context) {
  bool enough = false;
  return ask_until(netlink, question, take, context, &enough);
}

int ask_until(int netlink, struct nlmsghdr *question, take_message take, void *context,
              const bool *enough) {
  // What an earlier question left unread has an earlier number.
  static _Atomic uint32_t number;
  question->nlmsg_seq = ++number;
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do {
    sent = sendto(netlink, question, question->nlmsg_len, 0, (struct sockaddr *)&kernel,
                  sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return errno;

  // The kernel has answered within sendto, or goes on with it within recv: there is nothing to wait
  // for.
  for (;;) {
    _Alignas(struct nlmsghdr) char piece[PIECE];
    ssize_t length = recv(netlink, piece, sizeof piece, MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return errno == EAGAIN ? EPROTO : errno;
    int left = (int)length;
    for (struct nlmsghdr *message = (struct nlmsghdr *)piece; NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_seq != question->nlmsg_seq) continue;
      switch (message->nlmsg_type) {
      case NLMSG_NOOP: break;
      case NLMSG_ERROR: {
        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))) return EPROTO;
        const struct nlmsgerr *error = NLMSG_DATA(message);
        return error->error < 0 ? -error->error : 0;
      }
      case NLMSG_DONE: {
        int error = 0;
        if (message->nlmsg_len >= NLMSG_LENGTH(sizeof error))
          memcpy(&error, NLMSG_DATA(message), sizeof error);
        return error < 0 ? -error : 0;
      }
      default:
        take(message, context);
        if (*enough) return 0;
        if (!(message->nlmsg_flags & NLM_F_MULTI)) return 0;
      }
    }
  }
}

const void *attribute(const struct nlmsghdr *message, size_t fixed, uint16_t kind, size_t least,
                      size_t *length) {
  size_t at = NLMSG_LENGTH(NLMSG_ALIGN(fixed));
  while (at + NLA_HDRLEN <= message->nlmsg_len) {
    const struct nlattr *found = (const void *)((const char *)message + at);
    if (found->nla_len < NLA_HDRLEN || at + found->nla_len > message->nlmsg_len) return NULL;
    if ((found->nla_type & NLA_TYPE_MASK) == kind && found->nla_len >= NLA_HDRLEN + least) {
      *length = found->nla_len - NLA_HDRLEN;
      return (const char *)found + NLA_HDRLEN;
    }
    at += NLA_ALIGN(found->nla_len);
  }
  return NULL;
}
