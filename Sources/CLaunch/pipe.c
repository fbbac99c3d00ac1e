#define _GNU_SOURCE
#include <fcntl.h>

#include "claunch_process.h"

int claunch_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }
