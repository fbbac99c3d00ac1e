#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "CSocketDiag.h"
#include "netlink.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void read_socket(const struct nlmsghdr *message, struct csocketdiag_tcp *socket) {
  const struct inet_diag_msg *found = NLMSG_DATA(message);
  memset(socket, 0, sizeof *socket);
  socket->state = found->idiag_state;
  socket->is_v6 = found->idiag_family == AF_INET6;
  if (socket->is_v6) {
    memcpy(socket->address, found->id.idiag_src, 16);
  } else {
    memcpy(socket->address, mapped, sizeof mapped);
    memcpy(socket->address + sizeof mapped, found->id.idiag_src, 4);
  }
  socket->inode = found->idiag_inode;
  socket->uid = found->idiag_uid;
  socket->queued = found->idiag_rqueue;
  socket->backlog = found->idiag_wqueue;
  size_t length;
  const uint8_t *only = attribute(message, sizeof *found, INET_DIAG_SKV6ONLY, 1, &length);
  socket->is_v6_only = only && *only;
}

static bool is_socket(const struct nlmsghdr *message) {
  return message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg));
}

struct listeners {
  uint16_t port;
  struct csocketdiag_tcp *found;
  size_t room;
  size_t count;
};

static void take_listener(const struct nlmsghdr *message, void *context) {
  struct listeners *listeners = context;
  const struct inet_diag_msg *found = NLMSG_DATA(message);
  if (!is_socket(message) || ntohs(found->id.idiag_sport) != listeners->port) return;
  if (listeners->count < listeners->room)
    read_socket(message, &listeners->found[listeners->count]);
  listeners->count++;
}

int csocketdiag_tcp_listeners(int netlink, uint16_t port, struct csocketdiag_tcp *found, size_t room,
                              size_t *count) {
  // The older form of the question, since it gives both families in one walk over the kernel's
  // table, which is what takes the time: the newer one has to be asked once for each.
  struct {
    struct nlmsghdr header;
    struct inet_diag_req request;
  } question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = TCPDIAG_GETSOCK,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
    .request = {.idiag_states = 1 << TCP_LISTEN},
  };
  question.request.id.idiag_sport = htons(port);
  struct listeners listeners = {.port = port, .found = found, .room = room};
  int error = ask(netlink, &question.header, take_listener, &listeners);
  *count = listeners.count;
  return error;
}

static void take_server(const struct nlmsghdr *message, void *context) {
  if (is_socket(message)) read_socket(message, context);
}

int csocketdiag_tcp_server(int netlink, bool is_v6, const uint8_t server[16], uint16_t server_port,
                           const uint8_t client[16], uint16_t client_port,
                           struct csocketdiag_tcp *found) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
  } question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST},
    .request = {.sdiag_family = is_v6 ? AF_INET6 : AF_INET,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_states = ~0u},
  };
  struct inet_diag_sockid *id = &question.request.id;
  id->idiag_sport = htons(server_port);
  id->idiag_dport = htons(client_port);
  size_t from = is_v6 ? 0 : sizeof mapped;
  memcpy(id->idiag_src, server + from, 16 - from);
  memcpy(id->idiag_dst, client + from, 16 - from);
  id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  memset(found, 0, sizeof *found);
  int error = ask(netlink, &question.header, take_server, found);
  // Where there is no such connection the kernel gives the socket that listens there.
  if (error == 0 && (found->state == TCP_LISTEN || found->state == 0)) return ENOENT;
  return error;
}

int csocketdiag_tcp_queue(int socket, uint32_t *queued, uint32_t *backlog) {
  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return errno;
  if (info.tcpi_state != TCP_LISTEN) return EINVAL;
  // Of a listening socket these two are its queue (tcp_get_info in net/ipv4/tcp.c).
  *queued = info.tcpi_unacked;
  *backlog = info.tcpi_sacked;
  return 0;
}
