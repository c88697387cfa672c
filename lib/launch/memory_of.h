/* SPDX-License-Identifier: MPL-2.0 */
/* memory_of.h - how much memory a process holds, with all that it has started. */
#ifndef ZLOOM_LAUNCH_MEMORY_OF_H
#define ZLOOM_LAUNCH_MEMORY_OF_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Bytes that stand in memory for the process and its descendants (pages that several share count
 * for each); -1 when there is no such process. Of very many descendants the first 256 count.
 */
int64_t zloom_memory_of (pid_t pid);

#endif
