#define _GNU_SOURCE
#include "claunch_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "close_from.h"
#include "kernel_signals.h"

// The child runs in its parent's memory (CLONE_VM) while the calling thread waits (CLONE_VFORK):
// nothing is copied, and what the child writes here the parent reads. The child therefore makes
// system calls and nothing else: no allocation, no lock, no stdio.
struct launch {
  const struct claunch_request *request;
  pid_t parent;
  int *sources;  // 3 standard streams and the passed descriptors; source i becomes descriptor i
  bool took_terminal;
  struct claunch_failure failure;
};

_Noreturn static void fail(struct launch *launch, enum claunch_step step, int error) {
  launch->failure.step = step;
  launch->failure.error = error;
  _exit(127);
}

static void arm_parent_death(struct launch *launch) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    fail(launch, CLAUNCH_STEP_PARENT_DEATH, errno);
  // A parent that died before the call above left nobody to send the signal, or to read an error.
  if (getppid() != launch->parent) _exit(127);
}

static void enter_session(struct launch *launch) {
  const struct claunch_request *request = launch->request;
  switch (request->session) {
    case CLAUNCH_SESSION_KEEP:
      return;
    case CLAUNCH_SESSION_NEW:
      if (setsid() < 0) fail(launch, CLAUNCH_STEP_SESSION, errno);
      return;
    case CLAUNCH_SESSION_GROUP: {
      bool foreground = request->terminal >= 0 && tcgetpgrp(request->terminal) == getpgrp();
      if (setpgid(0, 0) != 0) fail(launch, CLAUNCH_STEP_SESSION, errno);
      // A group in the background may do this because SIGTTOU is blocked here (tcsetpgrp(3)). A
      // terminal that just hung up is no reason not to start.
      if (foreground && tcsetpgrp(request->terminal, getpgrp()) == 0) launch->took_terminal = true;
      return;
    }
  }
}

// Whether the child keeps its parent's standard stream.
static bool is_kept(const int *sources, int target) { return target < 3 && sources[target] < 0; }

// Puts every descriptor where the child expects it. A source inside the target range may be
// overwritten before it is read, so those that are not in place yet move above the range first.
static void place_descriptors(struct launch *launch) {
  int count = 3 + (int)launch->request->descriptor_count;
  int *sources = launch->sources;
  for (int target = 0; target < count; target++) {
    if (is_kept(sources, target) || sources[target] == target || sources[target] >= count) continue;
    int moved = fcntl(sources[target], F_DUPFD_CLOEXEC, count);
    // EINVAL says that even the lowest number asked for is beyond RLIMIT_NOFILE (fcntl(2)).
    if (moved < 0) fail(launch, CLAUNCH_STEP_DESCRIPTORS, errno == EINVAL ? EMFILE : errno);
    sources[target] = moved;
  }
  for (int target = 0; target < count; target++) {
    if (is_kept(sources, target)) continue;
    // dup2 clears close-on-exec, except when it has nothing to do.
    int result = sources[target] == target ? fcntl(target, F_SETFD, 0)
                                           : dup2(sources[target], target);
    if (result < 0) fail(launch, CLAUNCH_STEP_DESCRIPTORS, errno);
  }
  int error = close_from((unsigned)count);
  if (error != 0) fail(launch, CLAUNCH_STEP_CLOSE, error);
}

static void write_pid(char *slot) {
  char digits[CLAUNCH_PID_DIGITS];
  unsigned length = 0;
  for (unsigned pid = (unsigned)getpid(); pid != 0; pid /= 10)
    digits[length++] = (char)('0' + pid % 10);
  while (length != 0) *slot++ = digits[--length];
  *slot = '\0';
}

// The last thing before execve: from here on signals reach the child as they will the program.
static void restore_signals(const struct claunch_signal_state *signals) {
  for (int signal = 1; signal <= KERNEL_SIGNALS; signal++)
    set_disposition(signal, signals->ignored & signal_bit(signal) ? SIG_IGN : SIG_DFL);
  kernel_sigprocmask(SIG_SETMASK, &signals->mask, 0);
}

// Whether a search goes on after this error of execve: the list of glibc's execvpe.
static bool is_not_there(int error) {
  return error == ENOENT || error == ENOTDIR || error == EACCES || error == ESTALE ||
         error == ENODEV || error == ETIMEDOUT;
}

_Noreturn static void execute(struct launch *launch) {
  const struct claunch_request *request = launch->request;
  int told = 0;
  for (uint32_t i = 0; request->paths[i] != 0; i++) {
    execve(request->paths[i], request->argv, request->envp);
    if (told != EACCES || !is_not_there(errno)) {
      told = errno;
      launch->failure.path_index = i;
    }
    if (!is_not_there(errno)) break;
  }
  fail(launch, CLAUNCH_STEP_EXEC, told);
}

static int child(void *argument) {
  struct launch *launch = argument;
  const struct claunch_request *request = launch->request;
  if (request->die_with_parent) arm_parent_death(launch);
  enter_session(launch);
  if (request->prepare != 0) {
    int error = request->prepare(request->prepare_argument);
    if (error != 0) fail(launch, CLAUNCH_STEP_PREPARATION, error);
  }
  place_descriptors(launch);
  if (request->pid_slot != 0) write_pid(request->pid_slot);
  restore_signals(&request->signals);
  execute(launch);
}

int claunch_spawn(const struct claunch_request *request, pid_t *pid,
                  struct claunch_failure *failure) {
  struct launch launch = {.request = request, .parent = getpid()};
  launch.sources = malloc((3 + (size_t)request->descriptor_count) * sizeof *launch.sources);
  if (launch.sources == 0) {
    *failure = (struct claunch_failure){.step = CLAUNCH_STEP_PREPARE, .error = ENOMEM};
    return -1;
  }
  for (uint32_t i = 0; i < 3; i++) launch.sources[i] = request->standard[i];
  for (uint32_t i = 0; i < request->descriptor_count; i++)
    launch.sources[3 + i] = request->descriptors[i];

  // No handler of this process may run in the child, on memory that both share.
  uint64_t all = ~UINT64_C(0);
  uint64_t before = 0;
  kernel_sigprocmask(SIG_SETMASK, &all, &before);

  // The caller's thread sleeps until execve, so its own stack can lend the child one.
  _Alignas(16) char stack[32 * 1024];
  pid_t started = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &launch);
  if (started < 0) {
    launch.failure = (struct claunch_failure){.step = CLAUNCH_STEP_CLONE, .error = errno};
  } else if (launch.failure.step != CLAUNCH_STEP_NONE) {
    if (launch.took_terminal) tcsetpgrp(request->terminal, getpgrp());
    while (waitpid(started, 0, 0) < 0 && errno == EINTR) continue;
  }
  kernel_sigprocmask(SIG_SETMASK, &before, 0);
  free(launch.sources);

  if (launch.failure.step != CLAUNCH_STEP_NONE) {
    *failure = launch.failure;
    return -1;
  }
  *pid = started;
  return 0;
}
