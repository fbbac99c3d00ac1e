#pragma once

#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

// Signals as the kernel counts them: bit N-1 stands for signal N, 1 to 64. The system calls are
// used directly, because glibc's sigset_t functions hide the two signals that glibc uses itself.

// What a process is given by the program that started it, and what its own child must find again:
// the signal mask, and the signals that are ignored (execve(2) keeps both; a caught signal becomes
// default, so "ignored or default" is all there is to know).
struct claunch_signal_state {
  uint64_t mask;
  uint64_t ignored;
};

// Reads the calling thread's mask and the process's dispositions. Call it first thing in main,
// before a library changes either.
void claunch_signals_capture(struct claunch_signal_state *state);

// Blocks every signal except the ones a fault raises (SEGV, BUS, FPE, ILL, TRAP, SYS), KILL and
// STOP (which cannot be blocked) and the two that glibc uses between its threads; and sets SIGCHLD
// to its default, because a SIGCHLD inherited as ignored makes the kernel reap children by itself
// and throw their status away (waitpid(2), notes). Call it before any thread is started: threads
// inherit the mask. Returns the mask that is now in force.
uint64_t claunch_signals_block(void);

// Opens a non-blocking, close-on-exec signalfd(2) for the signals in mask, or returns -errno.
int claunch_signalfd(uint64_t mask);

// Real-time signals begin after those that glibc keeps for itself; only it knows where (signal(7)).
static inline int claunch_sigrtmin(void) { return SIGRTMIN; }
static inline int claunch_sigrtmax(void) { return SIGRTMAX; }

// How a signal came to be sent: siginfo's si_code (sigaction(2)).
static const int32_t CLAUNCH_SI_USER = SI_USER;      // kill(2)
static const int32_t CLAUNCH_SI_QUEUE = SI_QUEUE;    // sigqueue(3)
static const int32_t CLAUNCH_SI_TKILL = SI_TKILL;    // tgkill(2), raise(3)
static const int32_t CLAUNCH_SI_KERNEL = SI_KERNEL;  // the kernel, as for Ctrl-C on a terminal
