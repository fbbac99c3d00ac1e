#include "claunch_memory.h"

#include <malloc.h>

void claunch_use_one_heap(void) { mallopt(M_ARENA_MAX, 1); }
