#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Called for each message of an answer.
typedef void (*take_message)(const struct nlmsghdr *message, void *context);

// Sends one question and takes its whole answer. Returns 0 or an errno; what the kernel answers an
// error with is one.
int ask(int netlink, struct nlmsghdr *question, take_message take, void *context);

// The same, but reads on only while `*enough` is false: then the netlink socket is of no further use.
int ask_until(int netlink, struct nlmsghdr *question, take_message take, void *context,
              const bool *enough);

// The attribute of this kind behind the fixed part of a message, or null; its payload is at least
// `least` bytes long.
const void *attribute(const struct nlmsghdr *message, size_t fixed, uint16_t kind, size_t least,
                      size_t *length);
