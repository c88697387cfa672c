/* SPDX-License-Identifier: MPL-2.0 */
/* subjects.c - see subjects.h. */
#include "subjects.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/json.h"
#include "journal/doctor.h"
#include "journal/journal.h"
#include "net/dealer.h"
#include "net/router_transport.h"
#include "patterns/registry.h"
#include "recipe/explain.h"
#include "recipe/recipe.h"
#include "unit/wire/verb_samples.h"
#include "wire/attrs.h"
#include "wire/pack.h"

/* ---- recipe ---------------------------------------------------------------------------------- */

/* Every way to write a scalar, params, comments, and two flows that lints look at. */
static const char s_recipe[] =
  "zloom: 1\n"
  "name: orders # a comment\n"
  "params: {workers: {type: int, default: 4, min: 1, max: 64}}\n"
  "nodes:\n"
  "  shop: {kind: poller, file: {path: \"or\\x64ers.jsonl\", follow: true}}\n"
  "  charge:\n"
  "    kind: worker\n"
  "    run: [python3, 'charge''s.py', \"--text\", 'a long word that\n"
  "      goes on in the next line']\n"
  "    io: frames\n"
  "    replicas: \"${param.workers}\"\n"
  "  print: {kind: sink, stdout: true}\n"
  "flows:\n"
  "  orders:\n"
  "    pattern: queue\n"
  "    from: shop\n"
  "    to: charge\n"
  "    lease: 30s\n"
  "    retry: {failures: 5, backoff: [1s, 5s, 30s], jitter: 10%}\n"
  "    dead_letter: orders-dead\n"
  "    limit: {messages: 1000000, bytes: 2GiB, on_full: block}\n"
  "  paid: {pattern: queue, from: charge, to: print, dead_letter: orders-dead}\n"
  "  orders-dead: {pattern: queue, to: external}\n";

static const char s_wrong_recipe[] =
  "zloom: 1\nname: w\nnodes:\n  a: {kind: wroker, run: [x], colour: red}\nflows:\n"
  "  b: {pattern: queue, form: external, to: a, lease: soon, lease: later}\n";

static const char s_no_recipe[] = "zloom: 1\nname: [w\nflows: {a: b: c}\n";

static void
s_load (const char *text, bool readable)
{
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    zloom_buf_t out = {0};
    const zloom_err_t err = zloom_recipe_load_text ("r.yaml", "/", zloom_bytes_text (text),
                                                    zloom_registry (), NULL, diags, &recipe);
    if (readable) {
        zloom_diags_text (diags, false, &out);
        zloom_diags_json (diags, &out);
    }
    for (size_t i = 0; recipe && i < zloom_recipe_flow_count (recipe); i++) {
        (void) zloom_explain_flow (recipe, zloom_recipe_flow_at (recipe, i)->name, &out);
    }
    for (size_t i = 0; recipe && i < zloom_recipe_node_count (recipe); i++) {
        zloom_buf_add (&out, zloom_recipe_node_at (recipe, i)->name, 4);
    }
    subject_say (zloom_bytes_text (zloom_err_name (err)));
    subject_say (zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    zloom_recipe_destroy (&recipe);
    zloom_diags_destroy (&diags);
}

static zloom_err_t
s_run_recipe (const char *folder)
{
    (void) folder;
    subject_arm ();
    s_load (s_recipe, true);
    s_load (s_wrong_recipe, true);
    s_load (s_no_recipe, false); /* the library's own words may get lost */
    return ZLOOM_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static zloom_err_t
s_run_json (const char *folder)
{
    static const char *const texts[] = {
      "{\"id\": 17, \"name\": \"a \\u00e4 b\", \"list\": [1, 2.5, true, null, {\"deep\": []}]}",
      "{\"id\": 17, \"name\": \"a", "[1, 2,]", "\"text\""};
    (void) folder;
    subject_arm ();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const zloom_err_t err = zloom_json_check (zloom_bytes_text (texts[i]));
        subject_say (zloom_bytes_text (zloom_err_name (err)));
    }
    return ZLOOM_OK;
}

/* ---- wire ------------------------------------------------------------------------------------ */

static zloom_err_t
s_run_wire (const char *folder)
{
    zloom_arena_t arena = {0};
    zloom_buf_t first = {0};
    zloom_buf_t second = {0};
    zloom_attrs_t attrs = {0};
    zloom_err_t err = ZLOOM_OK;
    (void) folder;
    subject_arm ();
    for (size_t i = 0; i < sizeof s_samples / sizeof *s_samples && err == ZLOOM_OK; i++) {
        zloom_verb_t verb;
        zloom_buf_clear (&first);
        zloom_buf_clear (&second);
        zloom_arena_reset (&arena);
        zloom_verb_encode (&s_samples[i].verb, &first);
        err = zloom_verb_decode (zloom_buf_bytes (&first), &arena, &verb);
        if (err == ZLOOM_OK) {
            zloom_verb_encode (&verb, &second);
        }
        subject_say (zloom_buf_bytes (&second));
    }
    zloom_attrs_put_text (&attrs, "source", zloom_bytes_text ("shop"));
    zloom_attrs_put_int (&attrs, "n", 5);
    zloom_buf_clear (&first);
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("order.paid"),
                                       .attrs = zloom_attrs_bytes (&attrs),
                                       .body = zloom_bytes_text ("body")};
    for (int i = 0; i < 100; i++) {
        zloom_pack_add (&first, &envelope);
    }
    subject_say (zloom_buf_bytes (&first));
    zloom_attrs_fini (&attrs);
    zloom_buf_fini (&first);
    zloom_buf_fini (&second);
    zloom_arena_fini (&arena);
    return err;
}

/* ---- journal --------------------------------------------------------------------------------- */

#define SEGMENT_BYTES (64u * 1024)
#define PACKS 40u
#define PACK_MESSAGES 3u
#define PACK_BYTES 9000u
#define WAIT_MS 30000

/* An owner that needs all that it ever got. */
typedef struct {
    uint64_t end;
    uint64_t holes;
} owner_t;

static zloom_err_t
s_flow (void *arg, uint32_t flow, const char *name)
{
    (void) arg;
    (void) name;
    return flow == 1 ? ZLOOM_OK : zloom_fail (ZLOOM_DAMAGED, "flow %u", flow);
}

static zloom_err_t
s_restore (void *arg, uint32_t flow, zloom_bytes_t snapshot)
{
    owner_t *self = arg;
    if (flow == 1 && snapshot.size == sizeof self->end) {
        self->end = zloom_get_u64 (snapshot.data);
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_replay (void *arg, const zloom_record_t *record)
{
    owner_t *self = arg;
    if (record->type == ZLOOM_RECORD_PACK && record->seq != self->end) {
        return zloom_fail (ZLOOM_DAMAGED, "pack %llu after %llu", (unsigned long long) record->seq,
                           (unsigned long long) self->end);
    }
    self->end += record->type == ZLOOM_RECORD_PACK ? record->count : 0;
    self->holes += record->type == ZLOOM_RECORD_HOLE;
    return ZLOOM_OK;
}

static void
s_snapshot (void *arg, uint32_t flow, zloom_buf_t *out)
{
    const owner_t *self = arg;
    if (flow == 1) {
        zloom_put_u64 (zloom_buf_reserve (out, sizeof self->end), self->end);
        out->size += sizeof self->end;
    }
}

static bool
s_next_live (void *arg, uint32_t flow, uint64_t from, uint64_t last, zloom_range_t *run)
{
    (void) arg;
    *run = (zloom_range_t){from, last};
    return flow == 1;
}

static void
s_fetched (void *arg, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk)
{
    (void) arg;
    (void) cookie;
    (void) err;
    if (chunk) {
        zloom_blob_unref (&chunk->blob);
    }
}

static zloom_err_t
s_open_journal (const char *path, owner_t *self, zloom_journal_t **journal)
{
    const zloom_journal_owner_t owner = {.arg = self,
                                         .flow = s_flow,
                                         .restore = s_restore,
                                         .replay = s_replay,
                                         .snapshot = s_snapshot,
                                         .next_live = s_next_live,
                                         .fetched = s_fetched};
    const zloom_journal_config_t config = {.vfs = zloom_vfs_posix (),
                                           .directory = path,
                                           .segment_bytes = SEGMENT_BYTES,
                                           .hot_bytes = 4 * SEGMENT_BYTES,
                                           .tail_cache_bytes = SEGMENT_BYTES};
    *self = (owner_t){.end = 1};
    return zloom_log_open (&config, &owner, zloom_clock_now (), journal);
}

/* Wait until the journal has something to take in, and take it in. */
static zloom_err_t
s_wait (zloom_journal_t *journal)
{
    struct pollfd waiting = {.fd = zloom_journal_fd (journal), .events = POLLIN};
    if (poll (&waiting, 1, WAIT_MS) != 1) {
        return zloom_fail (ZLOOM_TIMED_OUT, "the journal never woke its owner");
    }
    zloom_journal_poll (journal, zloom_clock_now ());
    return zloom_journal_failed (journal);
}

static zloom_err_t
s_send (zloom_journal_t *journal, owner_t *self)
{
    uint8_t *data;
    zloom_err_t err;
    while ((err = zloom_journal_room (journal, 1, PACK_BYTES, true)) == ZLOOM_AGAIN) {
        err = s_wait (journal);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    if (err != ZLOOM_OK) {
        return zloom_fail (err, "no room in the journal");
    }
    zloom_blob_t *blob = zloom_blob_new_empty (PACK_BYTES, &data);
    memset (data, (int) (self->end & 0xff), PACK_BYTES);
    const zloom_record_t record = {.type = ZLOOM_RECORD_PACK,
                                   .critical = true,
                                   .flow = 1,
                                   .seq = self->end,
                                   .count = PACK_MESSAGES,
                                   .payload = zloom_blob_bytes (blob)};
    zloom_journal_stage (journal, &record, blob);
    zloom_blob_unref (&blob);
    self->end += PACK_MESSAGES;
    const uint64_t tag = zloom_journal_seal (journal, zloom_clock_now ());
    while (err == ZLOOM_OK && zloom_journal_durable (journal) < tag) {
        err = s_wait (journal);
    }
    return err;
}

/* What somebody was told: up to here everything is safe. */
static void
s_tell (const char *folder, uint64_t end)
{
    char path[256];
    snprintf (path, sizeof path, "%s/told", folder);
    const int fd = open (path, O_CREAT | O_WRONLY, 0600);
    if (fd < 0 || pwrite (fd, &end, sizeof end, 0) != (ssize_t) sizeof end) {
        abort ();
    }
    close (fd);
}

static zloom_err_t
s_run_journal (const char *folder)
{
    char path[256];
    owner_t self;
    zloom_journal_t *journal = NULL;
    snprintf (path, sizeof path, "%s/log", folder);
    subject_arm ();
    zloom_err_t err = s_open_journal (path, &self, &journal);
    if (err != ZLOOM_OK) {
        return err;
    }
    (void) zloom_journal_flow (journal, "flow");
    for (unsigned i = 0; i < PACKS && err == ZLOOM_OK; i++) {
        err = s_send (journal, &self);
        if (err == ZLOOM_OK) {
            s_tell (folder, self.end);
        }
        if (i == PACKS / 2) {
            zloom_journal_close (&journal);
            err = err == ZLOOM_OK ? s_open_journal (path, &self, &journal) : err;
        }
    }
    if (journal) {
        zloom_journal_close (&journal);
    }
    subject_say (zloom_bytes_text (zloom_err_name (err)));
    return err;
}

static bool
s_journal_is_whole (const char *folder)
{
    char path[256];
    uint64_t told = 1;
    owner_t self;
    zloom_journal_t *journal = NULL;
    zloom_doctor_report_t report;
    snprintf (path, sizeof path, "%s/told", folder);
    const int fd = open (path, O_RDONLY);
    if (fd >= 0) {
        if (pread (fd, &told, sizeof told, 0) != (ssize_t) sizeof told) {
            told = 1; /* it died before it had told anything */
        }
        close (fd);
    }
    snprintf (path, sizeof path, "%s/log", folder);
    const zloom_err_t examined = zloom_doctor_examine (zloom_vfs_posix (), path, &report);
    if (report.damages > 0) {
        zloom_fail (ZLOOM_DAMAGED, "%s", report.findings[0].text);
    }
    const bool sound = report.damages == 0 && (examined == ZLOOM_OK || examined == ZLOOM_NOT_FOUND);
    zloom_doctor_fini (&report);
    if (!sound || s_open_journal (path, &self, &journal) != ZLOOM_OK) {
        return false;
    }
    zloom_journal_close (&journal);
    if (self.holes > 0 || self.end < told) {
        zloom_fail (ZLOOM_DAMAGED, "%llu holes; it ends at %llu, told was %llu",
                    (unsigned long long) self.holes, (unsigned long long) self.end,
                    (unsigned long long) told);
        return false;
    }
    return true;
}

/* ---- net ------------------------------------------------------------------------------------- */

#define LARGE_BYTES 20000u
#define NET_WAIT_NS (3 * ZLOOM_NS_PER_S)

static zloom_err_t
s_poll (const zloom_socket_t *socket, int64_t until_ns)
{
    zloom_poll_item_t item = {.socket = socket};
    const zloom_err_t err = zloom_poll (&item, 1, until_ns);
    if (err == ZLOOM_OK && zloom_clock_now ().mono_ns >= until_ns) {
        return zloom_fail (ZLOOM_TIMED_OUT, "nothing came");
    }
    return err;
}

/* There and back again. */
static zloom_err_t
s_echo (zloom_router_transport_t *router, zloom_dealer_t *dealer, size_t size)
{
    const int64_t until_ns = zloom_clock_now ().mono_ns + NET_WAIT_NS;
    uint8_t *data;
    zloom_blob_t *blob = zloom_blob_new_empty (size, &data);
    memset (data, 'x', size);
    zloom_err_t err =
      zloom_dealer_send (dealer, zloom_bytes_text ("up"), blob, zloom_blob_bytes (blob));
    zloom_blob_unref (&blob);
    zloom_router_frame_t frame = {0};
    while (err == ZLOOM_OK && !zloom_router_transport_receive (router, &frame)) {
        err = s_poll (zloom_router_transport_socket (router), until_ns);
    }
    if (err == ZLOOM_OK) {
        err = zloom_router_transport_send (router, frame.route, frame.verb, frame.pack,
                                           zloom_blob_bytes (frame.pack));
        zloom_blob_unref (&frame.pack);
    }
    zloom_bytes_t verb;
    zloom_blob_t *pack = NULL;
    while (err == ZLOOM_OK && (err = zloom_dealer_receive (dealer, &verb, &pack)) == ZLOOM_AGAIN) {
        err = s_poll (zloom_dealer_socket (dealer), until_ns);
    }
    if (err == ZLOOM_OK) {
        subject_say (verb);
        subject_say (zloom_blob_bytes (pack));
        zloom_blob_unref (&pack);
    }
    return err;
}

static zloom_err_t
s_run_net (const char *folder)
{
    char endpoint[256];
    zloom_router_transport_t *router = NULL;
    zloom_dealer_t *dealer = NULL;
    snprintf (endpoint, sizeof endpoint, "ipc://%s/a.sock", folder);
    subject_arm ();
    zloom_err_t err = zloom_router_transport_open (endpoint, NULL, &router);
    if (err == ZLOOM_OK) {
        err = zloom_dealer_open (endpoint, NULL, &dealer);
    }
    if (err == ZLOOM_OK) {
        err = s_echo (router, dealer, 3);
    }
    if (err == ZLOOM_OK) {
        err = s_echo (router, dealer, LARGE_BYTES);
    }
    if (dealer) {
        zloom_dealer_close (&dealer, 0);
    }
    if (router) {
        zloom_router_transport_close (&router, 0);
    }
    return err;
}

const subject_t memory_subjects[] = {
  {"recipe", s_run_recipe, NULL}, {"json", s_run_json, NULL},
  {"wire", s_run_wire, NULL},     {"journal", s_run_journal, s_journal_is_whole},
  {"net", s_run_net, NULL},
};
const unsigned memory_subject_count = sizeof memory_subjects / sizeof *memory_subjects;
