#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "claunch_signals.h"

// The child's place among process groups and sessions.
enum claunch_session {
  CLAUNCH_SESSION_KEEP,   // the parent's group and session
  CLAUNCH_SESSION_NEW,    // setsid(2)
  CLAUNCH_SESSION_GROUP,  // setpgid(0, 0), and the foreground if the parent's group has it
};

// Where a launch failed.
enum claunch_step {
  CLAUNCH_STEP_NONE,
  CLAUNCH_STEP_PREPARE,       // memory for the launch
  CLAUNCH_STEP_CLONE,         // a new process
  CLAUNCH_STEP_PARENT_DEATH,  // PR_SET_PDEATHSIG
  CLAUNCH_STEP_SESSION,       // setsid or setpgid
  CLAUNCH_STEP_PREPARATION,   // the caller's own, `prepare`
  CLAUNCH_STEP_DESCRIPTORS,   // moving descriptors to where the child expects them
  CLAUNCH_STEP_CLOSE,         // closing all others
  CLAUNCH_STEP_EXEC,          // execve
};

// The environment entry that is completed in the child, between clone and execve.
#define CLAUNCH_PID_DIGITS 10  // a pid_t is at most 2147483647

struct claunch_request {
  char *const *paths;  // the files to try, in order, up to a null pointer; at least one
  char *const *argv;
  char *const *envp;
  char *pid_slot;          // where the child's pid goes in decimal: CLAUNCH_PID_DIGITS bytes and a
                           // NUL, inside an entry of envp; or null
  const int *descriptors;  // become 3, 4, … in the child; the same one may stand there twice
  uint32_t descriptor_count;
  int standard[3];  // becomes 0, 1, 2; -1 keeps the parent's
  enum claunch_session session;
  int terminal;          // for CLAUNCH_SESSION_GROUP: a descriptor of the terminal, or -1
  // The caller's own step in the child, or null: system calls alone. Before descriptors are moved, so
  // that all of the caller's are there. Returns 0 or an errno. It writes to the caller's memory.
  int (*prepare)(void *argument);
  void *prepare_argument;
  bool die_with_parent;  // SIGKILL when the thread that calls claunch_spawn ends (prctl(2))
  struct claunch_signal_state signals;  // the mask and the ignored signals that the child gets
};

struct claunch_failure {
  enum claunch_step step;
  int error;            // errno
  uint32_t path_index;  // with CLAUNCH_STEP_EXEC: which of paths gave this error
};

// Starts a program. Returns after the child has called execve, so that a failure of any step in
// the child, execve included, is known here: 0 and *pid, or -1 and *failure (the failed child is
// already reaped). Files are tried as execvp(3) does: "not there" and "permission denied" go on to
// the next one, and a "permission denied" is what is told if none could be run. Never a shell: a
// file the kernel does not know how to run is an error (ENOEXEC).
// O_NONBLOCK is left alone: it belongs to the open file description, which others may share.
int claunch_spawn(const struct claunch_request *request, pid_t *pid,
                  struct claunch_failure *failure);
