#pragma once

// Whether sockets that this process holds are in use by anybody (--exit-idle of vouch).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

enum csocketdiag_kind {
  CSOCKETDIAG_TCP4,
  CSOCKETDIAG_TCP6,
  CSOCKETDIAG_UNIX,      // a listening one: stream or seqpacket
  CSOCKETDIAG_DATAGRAM,  // of any family
  CSOCKETDIAG_OTHER,
};

// One end of a TCP connection; an IPv4 address is ::ffff:a.b.c.d.
struct csocketdiag_end {
  uint8_t address[16];
  uint16_t port;
};

// What a descriptor is, as far as its use can be watched.
struct csocketdiag_place {
  enum csocketdiag_kind kind;
  uint32_t inode;
  struct csocketdiag_end end;  // of TCP
  bool is_wildcard;            // of TCP: bound to every address
  uint8_t name[sizeof((struct sockaddr_un *)0)->sun_path];  // of Unix, as in sun_path
  size_t name_length;          // a path's NUL left out
};

void csocketdiag_place(int socket, struct csocketdiag_place *place);

// The connections of this process itself, which are no use by anybody.
struct csocketdiag_own {
  const struct csocketdiag_end *open;    // its own ends of TCP connections
  size_t open_count;
  const struct csocketdiag_end *closed;  // the same, closed a moment ago
  size_t closed_count;
  const uint32_t *inodes;                // its own sockets of Unix connections
  size_t inode_count;
  const uint32_t *servers;               // the servers' sockets of those closed a moment ago
  size_t server_count;
};

// Whether a listening socket has a connection of somebody else, accepted or not, whose server's side
// is open: it may still have to read, to do or to answer something. Of TCP that is ESTABLISHED, SYN_RECV,
// CLOSE_WAIT, and FIN_WAIT1 or FIN_WAIT2 while somebody holds the socket. Returns 0 or an errno. Ends at
// the first that it finds, however many there are.
int csocketdiag_is_used(const struct csocketdiag_place *place, const struct csocketdiag_own *own,
                        bool *is_used);

// Whether a Unix socket is one of this network namespace: 0, ENOENT where it is not, or another errno.
int csocketdiag_unix_is_here(uint32_t inode);

// Whether something waits to be accepted or read.
bool csocketdiag_waits(int socket);

// Has `signal` sent to this process whenever a connection or a datagram comes to the socket, also
// where somebody else takes it at once (F_SETSIG and O_ASYNC of fcntl(2)). The flag belongs to the open
// file description, which others share; no other flag of it is touched. Returns 0 or an errno.
int csocketdiag_arm(int socket, int signal);
void csocketdiag_disarm(int socket);

// Whether it is armed still: nobody has cleared the flag, or had the signal sent to another process, as a
// second service with the same socket may (Sockets= of systemd.service(5)).
bool csocketdiag_is_armed(int socket);

// Whether `signal`, which is blocked, waits for this process.
bool csocketdiag_is_pending(int signal);
