#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CSocketDiag.h"
#include "netlink.h"

struct every {
  uint16_t port;  // 0: any
  struct csocketdiag_found *found;
  size_t room;
  size_t count;
};

static void take(struct every *every, const struct csocketdiag_found *socket) {
  if (every->count < every->room) every->found[every->count] = *socket;
  every->count++;
}

static void take_tcp(const struct nlmsghdr *message, void *context) {
  struct every *every = context;
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return;
  const struct inet_diag_msg *found = NLMSG_DATA(message);
  struct csocketdiag_found socket = {
    .inode = found->idiag_inode,
    .is_v6 = found->idiag_family == AF_INET6,
    .port = ntohs(found->id.idiag_sport),
  };
  if (every->port && socket.port != every->port) return;
  if (socket.is_v6) {
    memcpy(socket.address, found->id.idiag_src, 16);
  } else {
    memset(socket.address + 10, 0xff, 2);
    memcpy(socket.address + 12, found->id.idiag_src, 4);
  }
  size_t length;
  const uint8_t *only = attribute(message, sizeof *found, INET_DIAG_SKV6ONLY, 1, &length);
  socket.is_v6_only = only && *only;
  take(every, &socket);
}

int csocketdiag_every_tcp(int netlink, uint16_t accepted_at, struct csocketdiag_found *found,
                          size_t room, size_t *count) {
  // The older form of the question gives both families in one walk, as in tcp.c.
  struct {
    struct nlmsghdr header;
    struct inet_diag_req request;
  } question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = TCPDIAG_GETSOCK,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
    .request = {.idiag_states = accepted_at ? 1 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT
                                            : 1 << TCP_LISTEN},
  };
  question.request.id.idiag_sport = htons(accepted_at);
  struct every every = {.port = accepted_at, .found = found, .room = room};
  int error = ask(netlink, &question.header, take_tcp, &every);
  *count = every.count;
  return error;
}

static void take_unix(const struct nlmsghdr *message, void *context) {
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg))) return;
  const struct unix_diag_msg *fixed = NLMSG_DATA(message);
  if (fixed->udiag_type != SOCK_STREAM) return;
  struct csocketdiag_found socket = {.inode = fixed->udiag_ino, .is_unix = true};
  size_t length;
  const uint8_t *name = attribute(message, sizeof *fixed, UNIX_DIAG_NAME, 1, &length);
  // The client's end of a connection has none.
  if (!name) return;
  if (length > sizeof socket.name) length = sizeof socket.name;
  if (name[0] != 0) length = strnlen((const char *)name, length);
  memcpy(socket.name, name, length);
  socket.name_length = (uint8_t)length;
  take(context, &socket);
}

int csocketdiag_every_unix(int netlink, bool connected, struct csocketdiag_found *found, size_t room,
                           size_t *count) {
  struct {
    struct nlmsghdr header;
    struct unix_diag_req request;
  } question = {
    .header = {.nlmsg_len = sizeof question,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
    .request = {.sdiag_family = AF_UNIX,
                .udiag_states = 1 << (connected ? TCP_ESTABLISHED : TCP_LISTEN),
                .udiag_show = UDIAG_SHOW_NAME},
  };
  struct every every = {.found = found, .room = room};
  int error = ask(netlink, &question.header, take_unix, &every);
  *count = every.count;
  return error;
}

// One line for each file that is waited for: "tfd: 5 events: 19 data: 5 pos:0 ino:1234 sdev:8"
// (proc(5); the inode is in hexadecimal).
static void read_epoll(FILE *info, const uint32_t *inodes, bool *watched, size_t count) {
  char *line = NULL;
  size_t capacity = 0;
  while (getline(&line, &capacity, info) > 0) {
    if (strncmp(line, "tfd:", 4) != 0) continue;
    const char *text = strstr(line, " ino:");
    if (!text) continue;
    unsigned long inode = strtoul(text + 5, NULL, 16);
    for (size_t i = 0; i < count; i++) {
      if (inodes[i] == inode) watched[i] = true;
    }
  }
  free(line);
}

void csocketdiag_watched(pid_t process, const uint32_t *inodes, bool *watched, size_t count) {
  for (size_t i = 0; i < count; i++) watched[i] = false;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)process);
  DIR *folder = opendir(path);
  if (!folder) return;
  struct dirent *entry;
  while ((entry = readdir(folder))) {
    static const char epoll[] = "anon_inode:[eventpoll]";
    char text[sizeof epoll];
    if (entry->d_name[0] == '.') continue;
    ssize_t length = readlinkat(dirfd(folder), entry->d_name, text, sizeof text);
    if (length != sizeof epoll - 1 || memcmp(text, epoll, sizeof epoll - 1) != 0) continue;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)process, atoi(entry->d_name));
    FILE *info = fopen(path, "re");
    if (!info) continue;
    read_epoll(info, inodes, watched, count);
    fclose(info);
  }
  closedir(folder);
}
