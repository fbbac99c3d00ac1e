#pragma once

// The kernel interfaces behind `--pass adopt`: a seccomp filter that asks vouch about bind(2) and
// listen(2) (seccomp_unotify(2)), and what vouch may read and change of the process that asks.
// What fails returns an errno above zero, unless said otherwise.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A filter to be installed, and what came of it.
struct cadopt_filter {
  // One end of a socket pair: the descriptor on which the kernel asks leaves through it.
  int socket;
  // Ask about shutdown(2) of the receiving side as well.
  bool asks_shutdown;
  // Ask about unlink(2), rename(2) and their kin as well.
  bool asks_paths;
  // Ask also about a bind(2) of an address as long as netlink's, as a Unix path of nine bytes is.
  bool asks_short_bind;
  // Answer ENOSYS to io_uring_setup(2), as io_uring binds without the filter.
  bool refuses_io_uring;

  // What was the case, written by cadopt_install:
  // no_new_privs had to be set (prctl(2)), for want of CAP_SYS_ADMIN.
  bool set_no_new_privs;
  // A signal can interrupt the wait for the answer: Linux before 5.19.
  bool is_interruptible;
  enum cadopt_step {
    CADOPT_STEP_NONE,
    CADOPT_STEP_NO_NEW_PRIVS,
    CADOPT_STEP_FILTER,  // seccomp(2)
    CADOPT_STEP_SEND,    // sending the descriptor on
  } step;
};

// Installs the filter in the calling thread: it holds for whatever the thread executes and forks.
// System calls alone, for a child between clone and execve. The argument is a struct cadopt_filter;
// returns 0 or an errno, with `step`.
int cadopt_install(void *filter);

// A close-on-exec socket pair for one descriptor's way from a child.
int cadopt_pair(int ends[2]);

// Takes the descriptor that cadopt_install has sent, without waiting. Returns it, close-on-exec, or
// -errno: EAGAIN where none was sent.
int cadopt_receive(int socket);

// What the kernel asks about.
enum cadopt_question {
  CADOPT_BIND,
  CADOPT_LISTEN,
  CADOPT_SHUTDOWN,
  CADOPT_UNLINK,
  CADOPT_UNLINKAT,
  CADOPT_RENAME,
  CADOPT_RENAMEAT,  // and renameat2
  CADOPT_OTHER,
};

// A system call that waits for an answer.
struct cadopt_call {
  uint64_t id;
  pid_t thread;  // in vouch's pid namespace
  enum cadopt_question question;
  uint64_t arguments[6];
};

// Takes the next call that waits; waits for one itself where none does. ENOENT where its process has
// ended meanwhile.
int cadopt_next(int listener, struct cadopt_call *call);

// Whether the call still waits, so that what was read of its process was that process's.
bool cadopt_is_waiting(int listener, uint64_t id);

// Lets the call return a value, fail with an errno (when not 0), or go on as if nobody had asked.
int cadopt_return(int listener, uint64_t id, int64_t value, int error);
int cadopt_continue(int listener, uint64_t id);

// Puts a descriptor of vouch's in at a number of the process that waits, in place of what is there.
int cadopt_place(int listener, uint64_t id, int descriptor, int at, bool close_on_exec);

// Reads memory of a process (process_vm_readv(2)); all of it or nothing.
int cadopt_read(pid_t process, uint64_t address, void *buffer, size_t length);

// Reads a text and the NUL at its end. ENAMETOOLONG where it is longer than the buffer.
int cadopt_read_text(pid_t process, uint64_t address, char *buffer, size_t size);

// What tells a file from all others (inode(7)).
struct cadopt_file {
  uint64_t device;
  uint64_t inode;
};

// The file that a path names for a thread, in its root and working folder, or for `folder`, a
// descriptor of its own (AT_FDCWD: the working folder); of a symbolic link the link itself.
int cadopt_find_file(pid_t thread, int folder, const char *path, struct cadopt_file *file);

// The same for this process.
int cadopt_own_file(const char *path, struct cadopt_file *file);

// A thread that waits in accept(2).
struct cadopt_acceptor {
  pid_t thread;
  unsigned long turns;  // how often it was given a CPU before
};

// The threads of a process that wait in accept(2) on this descriptor of its: at most `room`. Returns
// how many.
size_t cadopt_acceptors(pid_t process, int descriptor, struct cadopt_acceptor *found, size_t room);

// Whether one of them has noticed what woke it.
bool cadopt_has_left(pid_t process, int descriptor, const struct cadopt_acceptor *acceptor);

// A registration of a socket with an epoll instance (epoll(7)).
struct cadopt_watch {
  int epoll;   // the instance's number in its process
  int number;  // the socket's when it was registered
  uint64_t inode;
  uint32_t events;
  uint64_t data;
};

// Where the epoll instances of a process watch the sockets of these inodes, which may be the same: at
// most `room`. Returns how many, or -errno.
ssize_t cadopt_watches(pid_t process, const uint64_t inodes[2], struct cadopt_watch *found, size_t room);

// Registers a socket of this process with an epoll instance, or takes it out, as that process would
// have done: under its number there. `epoll` is a copy of the instance's descriptor. Waits for a short-
// lived process.
int cadopt_watch_again(int epoll, int socket, const struct cadopt_watch *watch);
int cadopt_unwatch(int epoll, int socket, const struct cadopt_watch *watch);

// A copy of a descriptor of a thread (pidfd_getfd(2)), close-on-exec; or -errno: EINVAL or ENOENT where
// it does not lead its process, before Linux 6.9.
int cadopt_copy(pid_t thread, int descriptor);

// A fork(2) for a process of one thread, which Swift would not call by that name. In the child,
// which dies with its parent, returns 0.
pid_t cadopt_fork(void);

// Memory that this process shares with those it forks; null where there is none left.
void *cadopt_shared(size_t size);
