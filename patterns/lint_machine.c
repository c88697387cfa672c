/* SPDX-License-Identifier: MPL-2.0 */
/* lint_machine.c - lints about the machine that the recipe would run on; asked for by option. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lints.h"
#include "registry.h"

#define PATH_BYTES 4096
/* What execvp looks through when PATH is not set. */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* The next node of a kind that runs here and whose fields are good; NULL at the end, and unless
 * asked for. */
static const zloom_recipe_node_t *
s_next_node (const zloom_linter_t *linter, unsigned kind, size_t *cursor)
{
    const zloom_recipe_options_t *options = zloom_linter_options (linter);
    const zloom_recipe_node_t *node = NULL;
    do {
        node = options->environment ? zloom_linter_next_node (linter, kind, cursor) : NULL;
    } while (node && options->here && !options->here (options->here_arg, node->name));
    return node;
}

static bool
s_is_here (const zloom_linter_t *linter, const zloom_recipe_node_t *node)
{
    const zloom_recipe_options_t *options = zloom_linter_options (linter);
    return options->environment &&
           (!options->here || options->here (options->here_arg, node->name));
}

static bool
s_is_file (const char *path)
{
    struct stat stat_;
    return stat (path, &stat_) == 0 && S_ISREG (stat_.st_mode);
}

static bool
s_is_folder (const char *path)
{
    struct stat stat_;
    return stat (path, &stat_) == 0 && S_ISDIR (stat_.st_mode);
}

static bool
s_is_program (const char *path)
{
    return s_is_file (path) && access (path, X_OK) == 0;
}

/* ---- programs ------------------------------------------------------------------------------ */

/* The PATH that the child will have. */
static const char *
s_search_path (const zloom_worker_config_t *config)
{
    for (size_t i = 0; i < config->env.count; i++) {
        if (strcmp (config->env.items[i].name, "PATH") == 0) {
            return config->env.items[i].value;
        }
    }
    const char *path = getenv ("PATH");
    return path ? path : DEFAULT_PATH;
}

static bool
s_is_in_path (const char *search, const char *name)
{
    char path[PATH_BYTES];
    for (const char *at = search;; at++) {
        size_t size = strcspn (at, ":");
        /* An empty part is the folder that we stand in. */
        int length =
          snprintf (path, sizeof path, "%.*s/%s", size ? (int) size : 1, size ? at : ".", name);
        if (length > 0 && (size_t) length < sizeof path && s_is_program (path)) {
            return true;
        }
        at += size;
        if (*at == '\0') {
            return false;
        }
    }
}

void
zloom_check_program_found (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = s_next_node (linter, ZLOOM_NODE_WORKER, &i));) {
        const zloom_worker_config_t *config = node->config;
        if (config->run.count == 0) {
            continue; /* an actor: what is registered only the program knows */
        }
        const char *program = config->run.items[0];
        if (!strchr (program, '/')) {
            if (!s_is_in_path (s_search_path (config), program)) {
                zloom_linter_node (linter, node, "run", "install it, or write its path",
                                   "there is no program '%.200s' in PATH", program);
            }
        } else if (!s_is_file (program)) {
            zloom_linter_node (linter, node, "run", NULL, "there is no program %.300s", program);
        } else if (!s_is_program (program)) {
            zloom_linter_node (linter, node, "run", "chmod +x it", "%.300s may not be executed",
                               program);
        }
    }
}

static bool
s_looks_like_script (const char *text)
{
    static const char *const ends[] = {".py", ".js", ".mjs", ".ts", ".sh", ".rb", ".pl", ".lua"};
    size_t size = strlen (text);
    for (size_t i = 0; text[0] != '-' && i < ZLOOM_COUNT (ends); i++) {
        size_t end = strlen (ends[i]);
        if (size > end && strcmp (text + size - end, ends[i]) == 0 && !strpbrk (text, " \n;|")) {
            return true;
        }
    }
    return false;
}

void
zloom_check_script_found (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    char path[PATH_BYTES];
    for (size_t i = 0; (node = s_next_node (linter, ZLOOM_NODE_WORKER, &i));) {
        const zloom_worker_config_t *config = node->config;
        size_t at = config->run.count > 0 ? 1 : 0;
        while (at < config->run.count && !s_looks_like_script (config->run.items[at])) {
            at++;
        }
        if (at == config->run.count) {
            continue;
        }
        const char *script = config->run.items[at];
        snprintf (path, sizeof path, "%s/%s", script[0] == '/' ? "" : config->cwd, script);
        if (!s_is_file (path)) {
            zloom_linter_node (linter, node, "run", NULL,
                               "'%.200s' looks like a script, but there is no such file in %.200s",
                               script, config->cwd);
        }
    }
}

/* ---- files and folders --------------------------------------------------------------------- */

void
zloom_check_file_found (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = s_next_node (linter, ZLOOM_NODE_POLLER, &i));) {
        const zloom_poller_config_t *config = node->config;
        if (config->file.set && !config->file.follow && access (config->file.path, R_OK) != 0) {
            zloom_linter_node (linter, node, "file.path",
                               "correct the path; with 'follow: true' the file may come later",
                               "%.300s cannot be read", config->file.path);
        }
    }
}

void
zloom_check_folder_found (zloom_linter_t *linter)
{
    const zloom_recipe_node_t *node;
    for (size_t i = 0; (node = s_next_node (linter, ZLOOM_NODE_WORKER, &i));) {
        const zloom_worker_config_t *config = node->config;
        if (!s_is_folder (config->cwd)) {
            zloom_linter_node (linter, node, "cwd", "make it", "there is no folder %.300s",
                               config->cwd);
        }
    }
    for (size_t i = 0; (node = s_next_node (linter, ZLOOM_NODE_SINK, &i));) {
        const zloom_sink_config_t *config = node->config;
        const char *slash = config->file.set ? strrchr (config->file.path, '/') : NULL;
        char folder[PATH_BYTES];
        if (!slash) {
            continue;
        }
        int size = slash == config->file.path ? 1 : (int) (slash - config->file.path);
        snprintf (folder, sizeof folder, "%.*s", size, config->file.path);
        if (!s_is_folder (folder)) {
            zloom_linter_node (linter, node, "file.path", "make it", "there is no folder %.300s",
                               folder);
        } else if (access (folder, W_OK) != 0 && access (config->file.path, W_OK) != 0) {
            zloom_linter_node (linter, node, "file.path", NULL, "%.300s may not be written",
                               config->file.path);
        }
    }
}

void
zloom_check_socket_path (zloom_linter_t *linter)
{
    const zloom_recipe_options_t *options = zloom_linter_options (linter);
    const char *name = zloom_recipe_name (zloom_linter_recipe (linter));
    char folder[PATH_BYTES];
    if (!name || !options->socket_dir ||
        !options->socket_dir (options->socket_arg, name, folder, sizeof folder)) {
        return;
    }
    size_t most = sizeof ((struct sockaddr_un *) 0)->sun_path - 1;
    const zloom_recipe_node_t *node;
    const char *listen;
    for (size_t i = 0; (node = zloom_linter_next_listener (linter, &i, &listen));) {
        size_t size = strlen (folder) + strlen ("/") + strlen (node->name) + strlen (".sock");
        if (strcmp (listen, "ipc") == 0 && size > most && s_is_here (linter, node)) {
            zloom_linter_node (linter, node, "",
                               "shorten a name, or listen on tcp://127.0.0.1:PORT",
                               "the socket %.150s/%s.sock has a path of %zu bytes, the most is %zu",
                               folder, node->name, size, most);
        }
    }
}
