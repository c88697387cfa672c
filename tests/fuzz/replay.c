/* SPDX-License-Identifier: MPL-2.0 */
/*
 * replay.c - run a fuzz target over a folder of inputs, without libFuzzer: one after the other, in
 * the order of their names. An input that breaks the target stops the program; its name is the
 * last line on stderr.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* An input of more than this is none of ours. */
#define INPUT_MOST_BYTES (16u * 1024 * 1024)

static int
s_replay_file (const char *path)
{
    FILE *file = fopen (path, "rb");
    uint8_t *data = malloc (INPUT_MOST_BYTES);
    if (!file || !data) {
        fprintf (stderr, "%s: %s\n", path, strerror (errno));
        exit (EXIT_FAILURE);
    }
    const size_t size = fread (data, 1, INPUT_MOST_BYTES, file);
    fclose (file);
    fprintf (stderr, "%s: %zu bytes\n", path, size);
    uint8_t *exact = malloc (size > 0 ? size : 1);
    if (!exact) {
        abort ();
    }
    memcpy (exact, data, size);
    free (data);
    const int result = LLVMFuzzerTestOneInput (exact, size);
    free (exact);
    return result;
}

int
main (int argc, char **argv)
{
    struct dirent **entries;
    int done = 0;
    if (argc != 2) {
        fprintf (stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    const int count = scandir (argv[1], &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf (path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            done += s_replay_file (path) == 0;
        }
        free (entries[i]);
    }
    if (count >= 0) {
        free (entries);
    }
    printf ("%d inputs\n", done);
    return done > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
