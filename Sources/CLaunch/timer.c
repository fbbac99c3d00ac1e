#include "claunch_timer.h"

#include <errno.h>
#include <sys/timerfd.h>

int claunch_timerfd(void) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

void claunch_timerfd_set(int fd, uint64_t at) {
  struct itimerspec when = {
    .it_value = {.tv_sec = (time_t)(at / 1000000000), .tv_nsec = (long)(at % 1000000000)},
  };
  timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, 0);
}
