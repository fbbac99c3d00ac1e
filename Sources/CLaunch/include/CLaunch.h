#pragma once

// The kernel interfaces that vouch needs and that Swift's Glibc module does not offer, and the code
// that runs between clone and execve, where no Swift may run.

#include "claunch_notify.h"
#include "claunch_memory.h"
#include "claunch_process.h"
#include "claunch_signals.h"
#include "claunch_spawn.h"
#include "claunch_timer.h"
