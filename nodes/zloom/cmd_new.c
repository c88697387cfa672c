/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_new.c - `new`: a folder with a recipe to begin with, its cases, and a worker. */
#include "choose.h"
#include "commands.h"
#include "new.h"
#include "patterns/registry.h"
#include "print.h"
#include "recipe/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- words ---------------------------------------------------------------------------------- */

static int
s_unknown (const zloom_cli_t *cli, const char *word)
{
    const zloom_registry_t *registry = zloom_registry ();
    zloom_suggest_t suggest;
    zloom_suggest_init (&suggest, word);
    zloom_suggest_synonyms (&suggest, registry->synonyms, registry->synonym_count);
    for (size_t i = 0; i < ZLOOM_SIX; i++) {
        zloom_suggest_offer (&suggest, zloom_six[i].name);
    }
    return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "no pattern '%s'%s%s%s; see: zloom patterns", word,
                          suggest.best ? "; did you mean '" : "", suggest.best ? suggest.best : "",
                          suggest.best ? "'?" : "");
}

/* One pattern of the words; what this version has not is refused by its name. */
static int
s_take_pattern (const zloom_cli_t *cli, const char *word, zloom_new_t *self)
{
    const char *until = NULL;
    size_t i = 0;
    while (i < ZLOOM_SIX && strcmp (zloom_six[i].name, word) != 0) {
        i++;
    }
    if (i == ZLOOM_SIX) {
        return s_unknown (cli, word);
    }
    if (!zloom_six_is_built (zloom_registry (), word, &until)) {
        return zloom_cli_say (cli, ZLOOM_EXIT_FAILED, "'%s' is not in this version: %s", word,
                              until ? until : "it is not there yet");
    }
    self->poll = self->poll || strcmp (word, "poll") == 0;
    self->bus = self->bus || strcmp (word, "bus") == 0;
    return ZLOOM_EXIT_OK;
}

static int
s_take_worker (const zloom_cli_t *cli, zloom_new_t *self)
{
    const char *word = zloom_cli_option (cli, "worker");
    for (int i = 0; word && i < ZLOOM_NEW_WORKERS; i++) {
        if (strcmp (zloom_new_workers[i], word) == 0) {
            self->worker = (zloom_new_worker_t) i;
            return ZLOOM_EXIT_OK;
        }
    }
    return word ? zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--worker is python, js, sh or c, not '%s'",
                                 word)
                : ZLOOM_EXIT_OK;
}

/* ---- files ---------------------------------------------------------------------------------- */

static bool
s_path (char path[PATH_MAX], const char *folder, const char *name)
{
    int size = snprintf (path, PATH_MAX, "%s/%s", folder, name);
    return size > 0 && size < PATH_MAX;
}

/* Never over a file that is there. */
static int
s_write (const zloom_cli_t *cli, const char *folder, zloom_new_file_t *file)
{
    char path[PATH_MAX];
    int fd = s_path (path, folder, file->name)
               ? open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->program ? 0777 : 0666)
               : -1;
    if (fd < 0) {
        return zloom_cli_say (cli, ZLOOM_EXIT_CREATE, "cannot make %s/%s: %s", folder, file->name,
                              strerror (errno));
    }
    ssize_t done = write (fd, file->text.data, file->text.size);
    int wrong = errno;
    close (fd);
    return done == (ssize_t) file->text.size
             ? ZLOOM_EXIT_OK
             : zloom_cli_say (cli, ZLOOM_EXIT_CREATE, "cannot write %s: %s", path,
                              strerror (wrong));
}

static int
s_write_all (const zloom_cli_t *cli, const char *folder, zloom_new_file_t *files)
{
    char path[PATH_MAX];
    if (mkdir (folder, 0777) != 0 && errno != EEXIST) {
        return zloom_cli_say (cli, ZLOOM_EXIT_CREATE, "cannot make %s: %s", folder,
                              strerror (errno));
    }
    for (size_t i = 0; i < ZLOOM_NEW_FILES; i++) { /* all or none */
        if (s_path (path, folder, files[i].name) && access (path, F_OK) == 0) {
            return zloom_cli_say (cli, ZLOOM_EXIT_CREATE, "%s is there already", path);
        }
    }
    int code = ZLOOM_EXIT_OK;
    for (size_t i = 0; code == ZLOOM_EXIT_OK && i < ZLOOM_NEW_FILES; i++) {
        code = s_write (cli, folder, &files[i]);
    }
    return code;
}

static int
s_tell (const zloom_cli_t *cli, const char *folder, const zloom_new_file_t *files,
        const char *build, zloom_output_t output)
{
    if (output != ZLOOM_OUTPUT_TEXT) {
        json_t *names = json_array ();
        for (size_t i = 0; i < ZLOOM_NEW_FILES; i++) {
            json_array_append_new (names, json_string (files[i].name));
        }
        return zloom_print_json (cli,
                                 json_pack ("{s:o, s:o}", "folder",
                                            zloom_print_text (zloom_bytes_text (folder)), "files",
                                            names),
                                 output == ZLOOM_OUTPUT_JSON);
    }
    zloom_buf_t out = {0};
    for (size_t i = 0; i < ZLOOM_NEW_FILES; i++) {
        zloom_buf_printf (&out, "%s/%s\n", folder, files[i].name);
    }
    int code = zloom_cli_print (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    fprintf (stderr, "next: ");
    if (build) {
        fprintf (stderr, "(cd %s && %s), then: ", folder, build);
    }
    fprintf (stderr, "zloom test %s/%s, then: zloom run %s/%s\n", folder, files[0].name, folder,
             files[0].name);
    return code;
}

int
zloom_cmd_new (zloom_cli_t *cli)
{
    zloom_new_t self = {.worker = ZLOOM_NEW_PYTHON};
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    if (!zloom_cli_word (cli, 0, "PATTERN") || !zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    for (size_t i = 0; i < cli->word_count; i++) {
        int code = s_take_pattern (cli, cli->words[i], &self);
        if (code != ZLOOM_EXIT_OK) {
            return code;
        }
    }
    int code = s_take_worker (cli, &self);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    const char *name = zloom_cli_option (cli, "name");
    self.name = name ? name : cli->words[0];
    if (!zloom_reader_is_name (self.name)) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--name: %s", ZLOOM_NAME_HINT);
    }
    const char *dir = zloom_cli_option (cli, "dir");
    const char *folder = dir ? dir : self.name;
    zloom_new_file_t files[ZLOOM_NEW_FILES];
    zloom_new_files (&self, files);
    code = s_write_all (cli, folder, files);
    if (code == ZLOOM_EXIT_OK) {
        code = s_tell (cli, folder, files, zloom_new_build (self.worker), output);
    }
    for (size_t i = 0; i < ZLOOM_NEW_FILES; i++) {
        zloom_buf_fini (&files[i].text);
    }
    return code;
}
