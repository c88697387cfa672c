/* SPDX-License-Identifier: MPL-2.0 */
/*
 * watch.h - wake up when a file changes, is renamed, or comes to be: by its folder, so that the
 * file need not be there. Only a hint, which some file systems never give: look by the clock, too.
 */
#ifndef ZLOOM_NODES_POLLER_WATCH_H
#define ZLOOM_NODES_POLLER_WATCH_H

/* A descriptor that becomes readable; -1 when the system has none left. close (2) it. */
int zloom_watch_open (const char *path);
/* Take in what was told, so that it is not readable any more. */
void zloom_watch_read (int fd);

#endif
