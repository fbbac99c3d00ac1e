#pragma once

#include <stdint.h>

// Opens a timerfd(2) on CLOCK_MONOTONIC, non-blocking and close-on-exec, or returns -errno.
int claunch_timerfd(void);

// Lets the timer expire once, at this time in nanoseconds of CLOCK_MONOTONIC; 0 stops it.
void claunch_timerfd_set(int fd, uint64_t at);
