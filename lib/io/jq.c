/* SPDX-License-Identifier: MPL-2.0 */
#include "io/jq.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/install.h"

/* Loaded for good: what has been handed out may be used until the process ends. */
static pthread_once_t s_once = PTHREAD_ONCE_INIT;
static const zloom_jq_module_t *s_module;
static char s_why[ZLOOM_NOTE_BYTES];

static void
s_load (void)
{
    char path[PATH_MAX];
    const char *named = getenv ("ZLOOM_JQ");
    if (named && *named) {
        (void) snprintf (path, sizeof path, "%s", named);
    } else if (!zloom_install_find (ZLOOM_LIBEXEC_PLACE, ZLOOM_JQ_FILE, true, path, sizeof path)) {
        (void) snprintf (s_why, sizeof s_why,
                         "this zloom has no jq: " ZLOOM_JQ_FILE " is not installed");
        return;
    }
    void *library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        (void) snprintf (s_why, sizeof s_why, "jq cannot be loaded (is libjq1 installed?): %s",
                         dlerror ());
        return;
    }
    const zloom_jq_module_t *module = dlsym (library, ZLOOM_JQ_SYMBOL);
    if (!module || module->abi != ZLOOM_JQ_ABI) {
        (void) snprintf (s_why, sizeof s_why, "%.200s belongs to another zloom", path);
        return;
    }
    s_module = module;
}

zloom_err_t
zloom_jq_module (const zloom_jq_module_t **module_p)
{
    (void) pthread_once (&s_once, s_load);
    *module_p = s_module;
    return s_module ? ZLOOM_OK : zloom_fail (ZLOOM_NO_PROGRAM, "%s", s_why);
}
