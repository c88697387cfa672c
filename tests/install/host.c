/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A program that was there before zloom: it uses czmq with its global context, zauth with CURVE,
 * and handles signals by itself. It embeds a router and a worker as zactors, then the same recipe
 * as an app, and looks whether anything of its own has changed.
 *
 *     host STATE_DIRECTORY
 */
#define _GNU_SOURCE
#include <czmq.h>
#include <dirent.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <zloom.h>

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf (stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, zloom_note ()); \
            exit (1);                                                                            \
        }                                                                                        \
    } while (0)

static const char s_recipe[] =
  "zloom: 1\n"
  "name: host\n"
  "nodes:\n"
  "  double: {kind: worker, actor: double}\n"
  "flows:\n"
  "  in: {pattern: queue, from: external, to: double, dead_letter: dead}\n"
  "  out: {pattern: queue, from: double, to: external}\n"
  "  dead: {pattern: queue, to: external}\n";

/* ---- the program's own: signals, CURVE with zauth ------------------------------------------- */

static volatile sig_atomic_t s_signals;
static pthread_t s_main;
static volatile sig_atomic_t s_elsewhere; /* signals that came to a thread that is not ours */

static void
s_on_signal (int number)
{
    (void) number;
    s_signals++;
    s_elsewhere += !pthread_equal (pthread_self (), s_main);
}

static void
s_handle_signals (void)
{
    struct sigaction action = {.sa_handler = s_on_signal};
    sigemptyset (&action.sa_mask);
    CHECK (sigaction (SIGTERM, &action, NULL) == 0);
    CHECK (sigaction (SIGUSR1, &action, NULL) == 0);
    CHECK (sigaction (SIGINT, &action, NULL) == 0);
}

typedef struct {
    zactor_t *auth;
    zcert_t *server_cert;
    zcert_t *client_cert;
    zsock_t *server;
    int port;
} service_t;

static void
s_open_service (service_t *self)
{
    self->auth = zactor_new (zauth, NULL);
    self->server_cert = zcert_new ();
    self->client_cert = zcert_new ();
    CHECK (mkdir ("certs", 0700) == 0);
    CHECK (zcert_save_public (self->client_cert, "certs/client.txt") == 0);
    CHECK (zstr_sendx (self->auth, "CURVE", "certs", NULL) == 0);
    CHECK (zsock_wait (self->auth) == 0);
    self->server = zsock_new (ZMQ_PULL);
    zcert_apply (self->server_cert, self->server);
    zsock_set_curve_server (self->server, 1);
    zsock_set_zap_domain (self->server, "global");
    self->port = zsock_bind (self->server, "tcp://127.0.0.1:*");
    CHECK (self->port > 0);
}

/* Whether a client with this certificate gets a word through. */
static bool
s_gets_through (const service_t *self, zcert_t *cert)
{
    zsock_t *client = zsock_new (ZMQ_PUSH);
    zcert_apply (cert, client);
    zsock_set_curve_serverkey (client, zcert_public_txt (self->server_cert));
    zsock_set_linger (client, 0);
    CHECK (zsock_connect (client, "tcp://127.0.0.1:%d", self->port) == 0);
    zsock_set_sndtimeo (client, 500);
    zsock_set_rcvtimeo (self->server, 500);
    bool through = false;
    if (zstr_send (client, "word") == 0) {
        char *word = zstr_recv (self->server);
        through = word != NULL;
        zstr_free (&word);
    }
    zsock_destroy (&client);
    return through;
}

static void
s_check_service (const service_t *self)
{
    zcert_t *stranger = zcert_new ();
    CHECK (s_gets_through (self, self->client_cert));
    CHECK (!s_gets_through (self, stranger));
    zcert_destroy (&stranger);
}

static void
s_close_service (service_t *self)
{
    zsock_destroy (&self->server);
    zcert_destroy (&self->client_cert);
    zcert_destroy (&self->server_cert);
    zactor_destroy (&self->auth);
}

/* ---- what zloom must leave alone ------------------------------------------------------------- */

typedef struct {
    struct sigaction actions[32];
    sigset_t mask;
    char directory[512];
    char locale[64];
    mode_t umask;
    size_t descriptors;
    size_t threads;
} manners_t;

static size_t
s_entries (const char *path)
{
    size_t count = 0;
    DIR *directory = opendir (path);
    CHECK (directory);
    while (readdir (directory)) {
        count++;
    }
    closedir (directory);
    return count;
}

static void
s_look (manners_t *self)
{
    memset (self, 0, sizeof *self);
    for (int i = 1; i < 32; i++) {
        CHECK (sigaction (i, NULL, &self->actions[i]) == 0);
    }
    CHECK (pthread_sigmask (SIG_SETMASK, NULL, &self->mask) == 0);
    CHECK (getcwd (self->directory, sizeof self->directory));
    snprintf (self->locale, sizeof self->locale, "%s", setlocale (LC_ALL, NULL));
    self->umask = umask (022);
    umask (self->umask);
    self->descriptors = s_entries ("/proc/self/fd");
    self->threads = s_entries ("/proc/self/task");
}

static void
s_check_manners (const manners_t *before)
{
    manners_t now;
    s_look (&now);
    for (int i = 1; i < 32; i++) {
        CHECK (now.actions[i].sa_handler == before->actions[i].sa_handler);
        CHECK (sigismember (&now.mask, i) == sigismember (&before->mask, i));
    }
    CHECK (strcmp (now.directory, before->directory) == 0);
    CHECK (strcmp (now.locale, before->locale) == 0);
    CHECK (now.umask == before->umask);
    /* The other ends of the service's own connections take a moment to go, before and after. */
    const int64_t deadline = zclock_mono () + 10000;
    while (now.descriptors > before->descriptors || now.threads > before->threads) {
        if (zclock_mono () > deadline) {
            fprintf (stderr, "%zu descriptors, were %zu; %zu threads, were %zu\n", now.descriptors,
                     before->descriptors, now.threads, before->threads);
            exit (1);
        }
        (void) poll (NULL, 0, 10);
        s_look (&now);
    }
}

/* ---- the recipe ------------------------------------------------------------------------------ */

static zloom_work_verdict_t
s_double (void *arg, zloom_work_t *work, const zloom_message_t *message)
{
    char text[32];
    char body[16] = "";
    (void) arg;
    memcpy (body, message->body, message->body_size < 15 ? message->body_size : 15);
    const int size = snprintf (text, sizeof text, "%ld", 2 * strtol (body, NULL, 10));
    const zloom_outgoing_t out = {.body = text, .body_size = (size_t) size};
    return zloom_work_emit (work, NULL, &out) == ZLOOM_OK ? ZLOOM_WORK_ACK : ZLOOM_WORK_RETRY;
}

static zloom_app_t *
s_app (const char *state)
{
    const zloom_app_config_t config = {.state_dir = state};
    zloom_app_t *app = zloom_app_new (&config);
    CHECK (zloom_app_load_text (app, s_recipe, sizeof s_recipe - 1, NULL) == ZLOOM_OK);
    CHECK (zloom_app_handle (app, "double", s_double, NULL) == ZLOOM_OK);
    return app;
}

/* A hundred numbers through the recipe; the client is driven by this program's own poll loop. */
static void
s_use (const char *endpoint)
{
    const char *const flows[] = {"in"};
    const zloom_client_config_t config = {
      .endpoint = endpoint, .name = "host", .send_flows = flows, .send_flow_count = 1};
    zloom_client_t *client = NULL;
    CHECK (zloom_client_open (&config, zloom_deadline (20000), &client) == ZLOOM_OK);
    const zloom_take_t take = {.flow = "out"};
    uint32_t handle = 0;
    CHECK (zloom_client_subscribe (client, &take, &handle) == ZLOOM_OK);
    long sum = 0;
    for (int i = 0; i < 100; i++) {
        char text[16];
        const int size = snprintf (text, sizeof text, "%d", i);
        const zloom_outgoing_t out = {.body = text, .body_size = (size_t) size};
        CHECK (zloom_client_send (client, "in", &out, zloom_deadline (20000)) == ZLOOM_OK);
    }
    for (int taken = 0; taken < 100;) {
        struct pollfd item = {.fd = zloom_client_fd (client), .events = POLLIN};
        CHECK (poll (&item, 1, 20000) == 1 || errno == EINTR);
        CHECK (zloom_client_dispatch (client) == ZLOOM_OK);
        const zloom_message_t *message = NULL;
        while (zloom_client_receive (client, &message, 0) == ZLOOM_OK) {
            char body[16] = "";
            memcpy (body, message->body, message->body_size < 15 ? message->body_size : 15);
            sum += strtol (body, NULL, 10);
            CHECK (zloom_client_ack (client, &message) == ZLOOM_OK);
            taken++;
        }
    }
    CHECK (sum == 9900);
    CHECK (zloom_client_close (&client, zloom_deadline (20000)) == ZLOOM_OK);
}

static zactor_t *
s_actor (zloom_app_t *app, zactor_fn *run, const char *name)
{
    void *node = zloom_app_node (app, name);
    CHECK (node);
    zactor_t *actor = zactor_new (run, node);
    CHECK (actor);
    char *word = zstr_recv (actor);
    CHECK (word && strcmp (word, "$READY") == 0);
    zstr_free (&word);
    return actor;
}

/* Signals reach the program's own thread, and interrupt nothing of zloom's. */
static void
s_signal_all (void)
{
    const sig_atomic_t before = s_signals;
    CHECK (kill (getpid (), SIGUSR1) == 0);
    CHECK (kill (getpid (), SIGTERM) == 0);
    CHECK (s_signals == before + 2);
    CHECK (s_elsewhere == 0);
}

static void
s_as_zactors (const char *state, const service_t *service)
{
    zloom_app_t *app = s_app (state);
    zactor_t *router = s_actor (app, zloom_router_actor, "router");
    zactor_t *worker = s_actor (app, zloom_worker_actor, "double");
    char endpoint[600];
    snprintf (endpoint, sizeof endpoint, "ipc://%s/run/router.sock", state);
    s_check_service (service);
    s_signal_all ();
    s_use (endpoint);
    zactor_destroy (&worker);
    zactor_destroy (&router);
    zloom_app_destroy (&app);
}

static void
s_as_app (const char *state, const service_t *service)
{
    zloom_app_t *app = s_app (state);
    CHECK (zloom_app_start (app) == ZLOOM_OK);
    CHECK (zloom_app_wait_ready (app, zloom_deadline (20000)) == ZLOOM_OK);
    s_check_service (service);
    s_signal_all ();
    s_use (zloom_app_endpoint (app));
    CHECK (zloom_app_drain (app, zloom_deadline (20000)) == ZLOOM_OK);
    zloom_app_destroy (&app);
}

int
main (int argc, char **argv)
{
    CHECK (argc == 2);
    s_main = pthread_self ();
    service_t service;
    s_open_service (&service);
    s_handle_signals (); /* after zactor_new, which installs czmq's own once */
    s_check_service (&service);
    manners_t before;
    s_look (&before);
    for (int i = 0; i < 2; i++) {
        s_as_zactors (argv[1], &service);
        s_check_manners (&before);
        s_as_app (argv[1], &service);
        s_check_manners (&before);
    }
    s_check_service (&service);
    s_close_service (&service);
    puts ("the host is as it was");
    return 0;
}
