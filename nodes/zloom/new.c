/* SPDX-License-Identifier: MPL-2.0 */
#include "new.h"

#include <stdio.h>
#include <string.h>

#include "base/tag.h"

const char *const zloom_new_workers[ZLOOM_NEW_WORKERS] = {"python", "sh", "c", "js"};

#define BUILD_C "cc -O2 -Wall -o worker worker.c"

/* How each kind of worker stands in the recipe. */
static const struct {
    const char *file;
    const char *run;
    const char *io;
    const char *head;  /* a line of the recipe's head */
    const char *build; /* the command that makes it a program; NULL: it is one */
} s_workers[ZLOOM_NEW_WORKERS] = {
  [ZLOOM_NEW_PYTHON] = {"worker.py", "[python3, worker.py]", "frames", "", NULL},
  [ZLOOM_NEW_SH] = {"worker.sh", "[./worker.sh]", "frames", "", NULL},
  [ZLOOM_NEW_JS] = {"worker.js", "[node, worker.js]", "frames", "", NULL},
  [ZLOOM_NEW_C] = {"worker.c", "[./worker]", "exec", "#     " BUILD_C "   builds it\n", BUILD_C},
};

const char *
zloom_new_build (zloom_new_worker_t worker)
{
    zloom_assert (worker < ZLOOM_NEW_WORKERS);
    return s_workers[worker].build;
}

static const char *
s_template (const char *name)
{
    for (const zloom_template_t *at = zloom_templates; at->name; at++) {
        if (strcmp (at->name, name) == 0) {
            return at->text;
        }
    }
    zloom_assert (!"a template that the build has not brought");
    return "";
}

/* What an @WORD@ stands for; NULL when it is none. */
static const char *
s_word (const zloom_new_t *self, const char *word, size_t size)
{
    const struct {
        const char *name;
        const char *text;
    } words[] = {
      {"NAME", self->name},
      {"RUN", s_workers[self->worker].run},
      {"IO", s_workers[self->worker].io},
      {"WORKER", s_workers[self->worker].file},
      {"BUILD", s_workers[self->worker].head},
      {"FROM", self->poll ? "in" : "external"},
      {"POLLER", self->poll ? "  in: {kind: poller, file: {path: in.jsonl, follow: true}}\n" : ""},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen (words[i].name) == size && memcmp (words[i].name, word, size) == 0) {
            return words[i].text;
        }
    }
    return NULL;
}

/* A line of a template, unless it says whose the template is. */
static void
s_fill_line (const zloom_new_t *self, const char *line, size_t size, zloom_buf_t *out)
{
    static const char licence[] = "SPDX-License-Identifier";
    if (memmem (line, size, licence, strlen (licence))) {
        return;
    }
    const char *end = line + size;
    const char *at;
    while ((at = memchr (line, '@', (size_t) (end - line)))) {
        const char *close = memchr (at + 1, '@', (size_t) (end - at - 1));
        const char *text = close ? s_word (self, at + 1, (size_t) (close - at) - 1) : NULL;
        zloom_buf_add (out, line, (size_t) (at - line) + (text ? 0 : 1));
        zloom_buf_add_text (out, text ? text : "");
        line = text ? close + 1 : at + 1;
    }
    zloom_buf_add (out, line, (size_t) (end - line));
}

static void
s_fill (const zloom_new_t *self, const char *template, zloom_buf_t *out)
{
    for (const char *at = s_template (template); *at;) {
        size_t size = strcspn (at, "\n") + 1;
        s_fill_line (self, at, size, out);
        at += size;
    }
}

void
zloom_new_files (const zloom_new_t *self, zloom_new_file_t files[ZLOOM_NEW_FILES])
{
    zloom_assert (self->worker < ZLOOM_NEW_WORKERS);
    memset (files, 0, ZLOOM_NEW_FILES * sizeof *files);
    const char *worker = s_workers[self->worker].file;
    snprintf (files[0].name, sizeof files[0].name, "%s.yaml", self->name);
    s_fill (self, self->bus ? "bus.yaml" : self->poll ? "poll.yaml" : "queue.yaml", &files[0].text);
    snprintf (files[1].name, sizeof files[1].name, "%s", worker);
    files[1].program = self->worker == ZLOOM_NEW_SH;
    s_fill (self, worker, &files[1].text);
}
