/* SPDX-License-Identifier: MPL-2.0 */
#include "base/tag.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * No stdio stream and no lock: the process may be in any state. The write is best effort, since
 * there is nobody left to tell.
 */
void
zloom_assert_failed (const char *what, const char *file, int line)
{
    char text[512];
    int size =
      snprintf (text, sizeof text, "zloom: %s:%d: assertion failed: %s\n", file, line, what);
    if (size > 0) {
        size_t shown = (size_t) size < sizeof text ? (size_t) size : sizeof text - 1;
        ssize_t written = write (STDERR_FILENO, text, shown);
        (void) written;
    }
    abort ();
}
