#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CSocketDiag.h"
#include "netlink.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void set_v4(uint8_t address[16], const void *v4) {
  memcpy(address, mapped, sizeof mapped);
  memcpy(address + sizeof mapped, v4, 4);
}

static int option(int socket, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(socket, level, name, &value, &length) == 0 ? value : -1;
}

void csocketdiag_place(int socket, struct csocketdiag_place *place) {
  memset(place, 0, sizeof *place);
  place->kind = CSOCKETDIAG_OTHER;
  place->inode = csocketdiag_inode(socket);
  int type = option(socket, SOL_SOCKET, SO_TYPE);
  if (type == SOCK_DGRAM) place->kind = CSOCKETDIAG_DATAGRAM;
  if (option(socket, SOL_SOCKET, SO_ACCEPTCONN) != 1) return;

  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
    struct sockaddr_storage room;
  } address;
  socklen_t length = sizeof address;
  if (getsockname(socket, &address.any, &length) != 0) return;
  bool is_tcp = option(socket, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP;
  switch (address.any.sa_family) {
  case AF_INET:
    if (!is_tcp) return;
    place->kind = CSOCKETDIAG_TCP4;
    set_v4(place->end.address, &address.v4.sin_addr);
    place->end.port = ntohs(address.v4.sin_port);
    place->is_wildcard = address.v4.sin_addr.s_addr == 0;
    return;
  case AF_INET6:
    if (!is_tcp) return;
    place->kind = CSOCKETDIAG_TCP6;
    memcpy(place->end.address, &address.v6.sin6_addr, 16);
    place->end.port = ntohs(address.v6.sin6_port);
    place->is_wildcard = IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr);
    return;
  case AF_UNIX: {
    size_t start = offsetof(struct sockaddr_un, sun_path);
    if (length <= start) return;
    place->kind = CSOCKETDIAG_UNIX;
    place->name_length = length - start;
    memcpy(place->name, address.un.sun_path, place->name_length);
    if (place->name[0] != 0)
      place->name_length = strnlen((const char *)place->name, place->name_length);
    return;
  }
  default: return;
  }
}

struct search {
  const struct csocketdiag_place *place;
  const struct csocketdiag_own *own;
  bool is_used;
};

static bool is_among(const struct csocketdiag_end *ends, size_t count,
                     const struct csocketdiag_end *end) {
  for (size_t i = 0; i < count; i++)
    if (ends[i].port == end->port && memcmp(ends[i].address, end->address, 16) == 0) return true;
  return false;
}

static void take_tcp(const struct nlmsghdr *message, void *context) {
  struct search *search = context;
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return;
  const struct inet_diag_msg *found = NLMSG_DATA(message);
  const struct csocketdiag_place *place = search->place;
  if (ntohs(found->id.idiag_sport) != place->end.port) return;
  bool is_v6 = found->idiag_family == AF_INET6;
  struct csocketdiag_end local, peer = {.port = ntohs(found->id.idiag_dport)};
  if (is_v6) {
    memcpy(local.address, found->id.idiag_src, 16);
    memcpy(peer.address, found->id.idiag_dst, 16);
  } else {
    set_v4(local.address, found->id.idiag_src);
    set_v4(peer.address, found->id.idiag_dst);
  }
  if (!place->is_wildcard && memcmp(local.address, place->end.address, 16) != 0) return;
  // The server has said all that it has to say. One that has closed takes nothing more, either; one that
  // has only shut down its sending half may still read what the client sends.
  bool has_said_all = found->idiag_state == TCP_FIN_WAIT1 || found->idiag_state == TCP_FIN_WAIT2;
  if (has_said_all && found->idiag_inode == 0) return;
  const struct csocketdiag_own *own = search->own;
  if (is_among(own->open, own->open_count, &peer)) return;
  // A port that was this process's a moment ago may be somebody else's by now: but then that side is
  // not closed.
  if (found->idiag_state == TCP_CLOSE_WAIT && is_among(own->closed, own->closed_count, &peer)) return;
  search->is_used = true;
}

static int is_tcp_used(int netlink, struct search *search) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
  } question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
    .request = {.sdiag_family = search->place->kind == CSOCKETDIAG_TCP6 ? AF_INET6 : AF_INET,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_states = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_RECV | 1 << TCP_CLOSE_WAIT |
                                1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2},
  };
  // The kernel leaves out all other local ports (inet_diag_dump_icsk in net/ipv4/inet_diag.c).
  question.request.id.idiag_sport = htons(search->place->end.port);
  return ask_until(netlink, &question.header, take_tcp, search, &search->is_used);
}

static void take_unix(const struct nlmsghdr *message, void *context) {
  struct search *search = context;
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg))) return;
  const struct unix_diag_msg *fixed = NLMSG_DATA(message);
  size_t length;
  const uint8_t *name = attribute(message, sizeof *fixed, UNIX_DIAG_NAME, 1, &length);
  if (!name) return;
  if (name[0] != 0) length = strnlen((const char *)name, length);
  // The server's side has the listening socket's name.
  if (length != search->place->name_length || memcmp(name, search->place->name, length) != 0) return;

  const uint32_t *peer = attribute(message, sizeof *fixed, UNIX_DIAG_PEER, sizeof *peer, &length);
  uint32_t client = 0;
  if (peer) memcpy(&client, peer, sizeof client);
  if (client) {
    for (size_t i = 0; i < search->own->inode_count; i++)
      if (search->own->inodes[i] == client) return;
  } else {
    // The client has closed. It waits for no answer, but the server may still read or do what it said.
    for (size_t i = 0; fixed->udiag_ino && i < search->own->server_count; i++)
      if (search->own->servers[i] == fixed->udiag_ino) return;
  }
  search->is_used = true;
}

static void take_waiting(const struct nlmsghdr *message, void *context) {
  struct search *search = context;
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg))) return;
  // The clients' inodes, in the order of the queue.
  size_t length;
  const uint32_t *clients =
    attribute(message, sizeof(struct unix_diag_msg), UNIX_DIAG_ICONS, 0, &length);
  for (size_t i = 0; clients && i < length / sizeof *clients; i++) {
    bool is_own = false;
    for (size_t k = 0; clients[i] && k < search->own->inode_count; k++)
      is_own = is_own || search->own->inodes[k] == clients[i];
    if (!is_own) search->is_used = true;
  }
}

// What was not accepted yet has no inode, and the kernel tells of it with the listening socket alone.
static int ask_unix_listener(int netlink, struct search *search) {
  struct {
    struct nlmsghdr header;
    struct unix_diag_req request;
  } question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST},
    .request = {.sdiag_family = AF_UNIX,
                .udiag_states = ~0u,
                .udiag_ino = search->place->inode,
                .udiag_show = UDIAG_SHOW_ICONS,
                .udiag_cookie = {~0u, ~0u}},
  };
  return ask(netlink, &question.header, take_waiting, search);
}

int csocketdiag_unix_is_here(uint32_t inode) {
  int netlink = csocketdiag_open();
  if (netlink < 0) return -netlink;
  struct csocketdiag_place place = {.inode = inode};
  struct csocketdiag_own own = {0};
  struct search search = {.place = &place, .own = &own};
  int error = ask_unix_listener(netlink, &search);
  close(netlink);
  return error;
}

static int is_unix_used(int netlink, struct search *search) {
  struct {
    struct nlmsghdr header;
    struct unix_diag_req request;
  } question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
    .request = {.sdiag_family = AF_UNIX,
                .udiag_states = 1 << TCP_ESTABLISHED,
                .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN},
  };
  int error = ask_unix_listener(netlink, search);
  if (error || search->is_used) return error;
  return ask_until(netlink, &question.header, take_unix, search, &search->is_used);
}

int csocketdiag_is_used(const struct csocketdiag_place *place, const struct csocketdiag_own *own,
                        bool *is_used) {
  *is_used = false;
  if (place->kind == CSOCKETDIAG_DATAGRAM) return 0;
  if (place->kind == CSOCKETDIAG_OTHER) return EINVAL;
  // One of its own: an answer that is not read to its end leaves it busy.
  int netlink = csocketdiag_open();
  if (netlink < 0) return -netlink;
  struct search search = {.place = place, .own = own};
  int error = place->kind == CSOCKETDIAG_UNIX ? is_unix_used(netlink, &search)
                                              : is_tcp_used(netlink, &search);
  close(netlink);
  *is_used = search.is_used;
  return error;
}
