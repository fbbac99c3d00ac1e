#pragma once

// Lets every thread use the main heap (M_ARENA_MAX, mallopt(3)). A short-lived thread would otherwise
// leave a heap of its own behind, with pages that nobody uses any more. To be called before any thread
// exists.
void claunch_use_one_heap(void);
