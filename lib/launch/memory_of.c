/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/memory_of.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PROCESSES 256

typedef struct {
    pid_t pids[PROCESSES];
    size_t count;
} s_family_t;

static int64_t
s_resident (pid_t pid)
{
    char path[64];
    (void) snprintf (path, sizeof path, "/proc/%d/statm", (int) pid);
    FILE *in = fopen (path, "re");
    if (!in) {
        return -1;
    }
    char line[128];
    int64_t pages = -1;
    if (fgets (line, sizeof line, in)) {
        char *second = NULL;
        (void) strtoll (line, &second, 10);
        pages = strtoll (second, NULL, 10);
    }
    (void) fclose (in);
    return pages < 0 ? -1 : pages * (int64_t) sysconf (_SC_PAGESIZE);
}

/* The kernel keeps children by the thread that has started them. */
static void
s_add_children (s_family_t *family, const char *folder, const char *thread)
{
    char path[384];
    (void) snprintf (path, sizeof path, "%s/%s/children", folder, thread);
    FILE *in = fopen (path, "re");
    if (!in) {
        return;
    }
    char word[32];
    size_t size = 0;
    for (int c = fgetc (in); c != EOF; c = fgetc (in)) {
        if (c >= '0' && c <= '9' && size < sizeof word - 1) {
            word[size++] = (char) c;
        } else if (size > 0 && family->count < PROCESSES) {
            word[size] = 0;
            family->pids[family->count++] = (pid_t) strtol (word, NULL, 10);
            size = 0;
        }
    }
    (void) fclose (in);
}

static void
s_add_all_children (s_family_t *family, pid_t pid)
{
    char folder[64];
    (void) snprintf (folder, sizeof folder, "/proc/%d/task", (int) pid);
    DIR *threads = opendir (folder);
    struct dirent *entry = NULL;
    while (threads && (entry = readdir (threads))) {
        if (entry->d_name[0] != '.') {
            s_add_children (family, folder, entry->d_name);
        }
    }
    if (threads) {
        closedir (threads);
    }
}

int64_t
zloom_memory_of (pid_t pid)
{
    s_family_t family = {.pids = {pid}, .count = 1};
    int64_t sum = s_resident (pid);
    if (sum < 0) {
        return -1;
    }
    for (size_t i = 0; i < family.count; i++) {
        const int64_t bytes = i == 0 ? 0 : s_resident (family.pids[i]);
        sum += bytes > 0 ? bytes : 0;
        s_add_all_children (&family, family.pids[i]);
    }
    return sum;
}
