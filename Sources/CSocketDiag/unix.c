#define _GNU_SOURCE
#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "CSocketDiag.h"
#include "netlink.h"

struct question {
  struct nlmsghdr header;
  struct unix_diag_req request;
};

struct listeners {
  const uint8_t *name;
  size_t length;
  uint64_t file;
  struct csocketdiag_unix *found;
  size_t room;
  size_t count;
};

static bool is_socket(const struct nlmsghdr *message) {
  return message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg));
}

static void take_listener(const struct nlmsghdr *message, void *context) {
  struct listeners *listeners = context;
  const struct unix_diag_msg *fixed = NLMSG_DATA(message);
  if (!is_socket(message) || fixed->udiag_type != SOCK_STREAM) return;
  struct csocketdiag_unix socket = {.inode = fixed->udiag_ino};

  size_t length;
  const struct unix_diag_vfs *vfs =
    attribute(message, sizeof *fixed, UNIX_DIAG_VFS, sizeof *vfs, &length);
  // The kernel tells the lower half of the file's inode.
  socket.is_same_file =
    vfs && listeners->file && vfs->udiag_vfs_ino == (uint32_t)listeners->file;
  const uint8_t *name = attribute(message, sizeof *fixed, UNIX_DIAG_NAME, 1, &length);
  if (name && name[0] != 0) length = strnlen((const char *)name, length);
  socket.is_same_name =
    name && length == listeners->length && memcmp(name, listeners->name, length) == 0;
  if (!socket.is_same_file && !socket.is_same_name) return;

  const struct unix_diag_rqlen *queue =
    attribute(message, sizeof *fixed, UNIX_DIAG_RQLEN, sizeof *queue, &length);
  if (queue) {
    socket.queued = queue->udiag_rqueue;
    socket.backlog = queue->udiag_wqueue;
  }
  if (listeners->count < listeners->room) listeners->found[listeners->count] = socket;
  listeners->count++;
}

int csocketdiag_unix_listeners(int netlink, const uint8_t *name, size_t length, uint64_t file,
                               struct csocketdiag_unix *found, size_t room, size_t *count) {
  struct question question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
    .request = {.sdiag_family = AF_UNIX,
                .udiag_states = 1 << TCP_LISTEN,
                .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN},
  };
  struct listeners listeners = {
    .name = name, .length = length, .file = file, .found = found, .room = room};
  int error = ask(netlink, &question.header, take_listener, &listeners);
  *count = listeners.count;
  return error;
}

static void take_peer(const struct nlmsghdr *message, void *context) {
  size_t length;
  if (!is_socket(message)) return;
  const uint32_t *peer = attribute(message, sizeof(struct unix_diag_msg), UNIX_DIAG_PEER,
                                   sizeof *peer, &length);
  if (peer) memcpy(context, peer, sizeof *peer);
}

int csocketdiag_unix_peer(int netlink, uint32_t inode, uint32_t *peer) {
  struct question question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST},
    .request = {.sdiag_family = AF_UNIX,
                .udiag_states = ~0u,
                .udiag_ino = inode,
                .udiag_show = UDIAG_SHOW_PEER,
                .udiag_cookie = {~0u, ~0u}},
  };
  *peer = 0;
  return ask(netlink, &question.header, take_peer, peer);
}
