#pragma once

// Closes every descriptor from first up. Only system calls: it runs between clone and execve.
// Returns 0 or an errno.
int close_from(unsigned first);
