/* SPDX-License-Identifier: MPL-2.0 */
/* folder.c - see folder.h. */
#include "folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define OPEN_MOST 16

bool
zloom_folder_make (char folder[ZLOOM_FOLDER_BYTES])
{
    (void) snprintf (folder, ZLOOM_FOLDER_BYTES, "/tmp/zloom-test-XXXXXX");
    return mkdtemp (folder) != NULL;
}

static int
s_remove (const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void) status;
    (void) kind;
    (void) walk;
    return remove (path);
}

bool
zloom_folder_remove (const char *folder)
{
    return nftw (folder, s_remove, OPEN_MOST, FTW_DEPTH | FTW_PHYS) == 0;
}
