#pragma once

// What the kernel tells of other processes' sockets: sock_diag(7) and /proc/PID/fd (proc(5)).
// Every function returns at once. Numbers are in host order, addresses as in IPv6: an IPv4 address is
// ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). What fails returns an errno above zero.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "csocketdiag_use.h"

// A socket of TCP.
struct csocketdiag_tcp {
  uint8_t state;  // TCP_ESTABLISHED, … of <netinet/tcp.h>
  bool is_v6;
  bool is_v6_only;      // of a listening one: takes no IPv4 connection (ipv6(7))
  uint8_t address[16];  // the local one
  uint32_t inode;       // 0: belongs to no file: not yet accepted, or closed
  uint32_t uid;         // the owner
  uint32_t queued;      // of a listening one: how many connections wait to be accepted
  uint32_t backlog;     // of a listening one: how many may
};

// A listening Unix stream socket.
struct csocketdiag_unix {
  uint32_t inode;
  uint32_t queued;
  uint32_t backlog;
  bool is_same_file;  // bound to the very file that was asked for
  bool is_same_name;  // bound under the name that was asked for
};

// Opens a netlink socket for the questions below, non-blocking and close-on-exec; or returns -errno.
int csocketdiag_open(void);

// The listening TCP sockets, v4 and v6, of this port in this network namespace: at most `room` of
// them are written; `count` is how many there are.
int csocketdiag_tcp_listeners(int netlink, uint16_t port, struct csocketdiag_tcp *found, size_t room,
                              size_t *count);

// The socket on the other side of a TCP connection: the one whose local end is `server` and whose
// remote end is `client`. ENOENT where this network namespace has none.
int csocketdiag_tcp_server(int netlink, bool is_v6, const uint8_t server[16], uint16_t server_port,
                           const uint8_t client[16], uint16_t client_port,
                           struct csocketdiag_tcp *found);

// The listening Unix stream sockets that are bound to this name (as in sun_path: an abstract one
// begins with NUL, a path has none at its end) or to the file of this inode (0 for none).
int csocketdiag_unix_listeners(int netlink, const uint8_t *name, size_t length, uint64_t file,
                               struct csocketdiag_unix *found, size_t room, size_t *count);

// The inode of the socket that a connected Unix socket (by its own inode) is connected with; 0 while
// that one was not accepted, or once it is closed.
int csocketdiag_unix_peer(int netlink, uint32_t inode, uint32_t *peer);

// The inode of an open socket, 0 if it is none.
uint32_t csocketdiag_inode(int socket);

// How many connections wait in the queue of a listening TCP socket, and how many may (TCP_INFO,
// tcp(7)).
int csocketdiag_tcp_queue(int socket, uint32_t *queued, uint32_t *backlog);

// Whether this descriptor of this process is the socket of this inode.
bool csocketdiag_holds(pid_t process, int descriptor, uint32_t inode);

// Looks for sockets among the descriptors of a process: for each inode the first descriptor that is
// it, or -1. EACCES where the kernel does not let one look (ptrace(2), PTRACE_MODE_READ_FSCREDS),
// ENOENT where there is no such process, or none to see.
int csocketdiag_find(pid_t process, const uint32_t *inodes, int *descriptors, size_t count);

// A listening stream socket, or a connection that one of them has accepted.
struct csocketdiag_found {
  uint32_t inode;  // 0: belongs to no file: not yet accepted, or closed
  bool is_unix;
  bool is_v6;
  bool is_v6_only;
  uint8_t address[16];
  uint16_t port;
  uint8_t name_length;  // of a Unix socket; 0 for one without
  uint8_t name[108];    // as in sun_path: an abstract one begins with NUL, a path has none at its end
};

// Every listening TCP socket of this network namespace, or, where `accepted_at` is a port, every open
// connection that has it at its own end. At most `room` are written; `count` is how many there are.
int csocketdiag_every_tcp(int netlink, uint16_t accepted_at, struct csocketdiag_found *found,
                          size_t room, size_t *count);

// The same of Unix stream sockets: every one that listens, or every connected one.
int csocketdiag_every_unix(int netlink, bool connected, struct csocketdiag_found *found, size_t room,
                           size_t *count);

// For each of these sockets, whether an epoll(7) instance of the process waits for it. Where the kernel
// does not let one look, for none.
void csocketdiag_watched(pid_t process, const uint32_t *inodes, bool *watched, size_t count);
