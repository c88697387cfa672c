/* SPDX-License-Identifier: MPL-2.0 */
#include "io/install.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ZLOOM_PREFIX
#define ZLOOM_PREFIX "/usr"
#endif

/* Its address lies in whatever this code was linked into. */
static const char s_here;

static bool
s_try (const char *folder, const char *place, const char *name, char *path, size_t size)
{
    const int length = snprintf (path, size, "%s%s%s/%s", folder, *place ? "/" : "", place, name);
    return length > 0 && (size_t) length < size && access (path, R_OK) == 0;
}

/*
 * From a program in PREFIX/bin, a library in PREFIX/lib or in PREFIX/lib/TRIPLET, up to PREFIX.
 * `file` is resolved first: what is a link belongs to where it points.
 */
static bool
s_try_from (const char *file, const char *place, const char *name, bool beside, char *path,
            size_t size)
{
    char folder[PATH_MAX];
    if (!realpath (file, folder)) {
        return false;
    }
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr (folder, '/');
        if (!slash) {
            return false;
        }
        *slash = 0;
        if (up > 0 ? s_try (folder, place, name, path, size)
                   : beside && s_try (folder, "", name, path, size)) {
            return true;
        }
    }
    return false;
}

bool
zloom_install_find (const char *place, const char *name, bool beside, char *path, size_t size)
{
    Dl_info info;
    if (dladdr (&s_here, &info) != 0 && info.dli_fname && strchr (info.dli_fname, '/') &&
        s_try_from (info.dli_fname, place, name, beside, path, size)) {
        return true;
    }
    return s_try_from ("/proc/self/exe", place, name, beside, path, size) ||
           s_try (ZLOOM_PREFIX, place, name, path, size);
}
