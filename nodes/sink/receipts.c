/* SPDX-License-Identifier: MPL-2.0 */
/*
 * receipts.c - what was written is remembered as runs of a flow's numbers, the newest RUNS of them.
 * A run names the time of its pack as well: numbers begin anew when a router's journal is deleted.
 */
#include "nodes/sink/receipts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "base/tag.h"
#include "nodes/sink/output.h"
#include "nodes/sink/quiet.h"
#include "wire/cursor.h"
#include "wire/encode.h"
#include "wire/limits.h"

#define RECEIPTS_TAG 0x5A535263u
#define RECEIPT_VERSION 1u
#define HEAD_BYTES 8u
#define LINE_BYTES 8u
/* A batch has at most 65536 messages, and as many runs. */
#define RECEIPT_BYTES (64u * 1024 * 1024)
#define BATCH_MESSAGES 65536u
#define RUNS 16384u
/* When one file of receipts is put aside for the next: far more than can be unsettled. */
#define FILE_BYTES (1024 * 1024)

typedef struct {
    uint32_t flow; /* index in `flows` */
    uint32_t n;
    uint64_t first;
    int64_t sent_ns;
} run_t;

typedef struct {
    char *name;
    uint64_t highest; /* no message after it was ever written */
} flow_t;

struct zloom_receipts {
    uint32_t tag;
    char *kept;
    char *aside;
    int fd; /* -1: cannot be opened */
    off_t size;
    flow_t *flows;
    size_t flow_count, flow_capacity;
    run_t *runs; /* a ring of RUNS */
    uint64_t run_count;
    run_t *batch;
    size_t batch_count, batch_capacity;
    zloom_buf_t lines; /* of the batch */
    zloom_buf_t out;
};

/* ---- runs ----------------------------------------------------------------------------------- */

static uint32_t
s_flow (zloom_receipts_t *self, zloom_bytes_t name)
{
    for (size_t i = 0; i < self->flow_count; i++) {
        if (zloom_bytes_equal (zloom_bytes_text (self->flows[i].name), name)) {
            return (uint32_t) i;
        }
    }
    zloom_grow (&self->flows, &self->flow_capacity, self->flow_count + 1, sizeof *self->flows);
    self->flows[self->flow_count] = (flow_t){.name = zloom_memdup_text (name.data, name.size)};
    return (uint32_t) self->flow_count++;
}

static void
s_remember (zloom_receipts_t *self, const run_t *run)
{
    flow_t *flow = &self->flows[run->flow];
    const uint64_t last = run->first + run->n - 1;
    flow->highest = last > flow->highest ? last : flow->highest;
    self->runs[self->run_count++ % RUNS] = *run;
}

bool
zloom_receipts_has (const zloom_receipts_t *self, const zloom_message_t *message)
{
    ZLOOM_CHECK (self, RECEIPTS_TAG);
    uint32_t flow = 0;
    while (flow < self->flow_count && strcmp (self->flows[flow].name, message->flow) != 0) {
        flow++;
    }
    if (flow == self->flow_count || message->seq > self->flows[flow].highest) {
        return false;
    }
    const uint64_t count = self->run_count < RUNS ? self->run_count : RUNS;
    for (uint64_t i = 0; i < count; i++) {
        const run_t *run = &self->runs[i];
        if (run->flow == flow && run->sent_ns == message->sent_wall_ns &&
            message->seq >= run->first && message->seq - run->first < run->n) {
            return true;
        }
    }
    return false;
}

/* ---- loading -------------------------------------------------------------------------------- */

typedef struct {
    uint64_t base;
    uint64_t lines; /* of it that stand in the file */
    size_t first_run;
    size_t run_count;
} receipt_t;

typedef struct {
    zloom_receipts_t *receipts;
    int fd; /* of the lines */
    uint64_t inode;
    receipt_t *list;
    size_t count, capacity;
    run_t *runs;
    size_t run_count, run_capacity;
    zloom_buf_t line;
} load_t;

/* How many of the lines that the receipt names stand in the file, from the first on. */
static uint64_t
s_standing (load_t *load, uint64_t base, zloom_bytes_t lines)
{
    uint64_t at = base;
    for (size_t i = 0; i < lines.size; i += LINE_BYTES) {
        const uint32_t size = zloom_get_u32 (lines.data + i);
        if (size == 0 || size > ZLOOM_OUTPUT_LINE_BYTES || at > (uint64_t) INT64_MAX - size) {
            return i / LINE_BYTES;
        }
        zloom_buf_clear (&load->line);
        uint8_t *line = zloom_buf_reserve (&load->line, size);
        if (pread (load->fd, line, size, (off_t) at) != (ssize_t) size || line[size - 1] != '\n' ||
            zloom_crc32c (0, line, size) != zloom_get_u32 (lines.data + i + 4)) {
            return i / LINE_BYTES;
        }
        at += size;
    }
    return lines.size / LINE_BYTES;
}

/* Returns how many messages they name. */
static uint64_t
s_load_runs (load_t *load, zloom_cursor_t *cursor, zloom_fields_t *fields, receipt_t *receipt)
{
    const uint32_t count = zloom_fields_array (fields, ZLOOM_NEED, BATCH_MESSAGES);
    uint64_t messages = 0;
    for (uint32_t i = 0; i < count && cursor->err == ZLOOM_OK; i++) {
        zloom_fields_t run_fields = zloom_fields_open (cursor);
        run_t run = {0};
        const zloom_bytes_t flow =
          zloom_fields_text (&run_fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
        run.first = zloom_fields_uint (&run_fields, ZLOOM_NEED, INT64_MAX - BATCH_MESSAGES, 0);
        run.n = (uint32_t) zloom_fields_uint (&run_fields, ZLOOM_NEED, BATCH_MESSAGES, 0);
        run.sent_ns = zloom_fields_int (&run_fields, ZLOOM_NEED, 0);
        zloom_fields_close (&run_fields);
        messages += run.n;
        if (cursor->err == ZLOOM_OK && run.n > 0) {
            run.flow = s_flow (load->receipts, flow);
            zloom_grow (&load->runs, &load->run_capacity, load->run_count + 1, sizeof run);
            load->runs[load->run_count++] = run;
            receipt->run_count++;
        }
    }
    return messages;
}

static zloom_err_t
s_load_receipt (load_t *load, zloom_bytes_t payload)
{
    zloom_cursor_t cursor = zloom_cursor (payload);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    if (zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0) != RECEIPT_VERSION) {
        return ZLOOM_VERSION;
    }
    receipt_t receipt = {.first_run = load->run_count};
    const uint64_t inode = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
    receipt.base = zloom_fields_uint (&fields, ZLOOM_NEED, INT64_MAX, 0);
    const uint64_t messages = s_load_runs (load, &cursor, &fields, &receipt);
    const zloom_bytes_t lines = zloom_fields_bytes (&fields, ZLOOM_NEED, RECEIPT_BYTES);
    zloom_fields_close (&fields);
    const zloom_err_t err = zloom_cursor_end (&cursor);
    if (err != ZLOOM_OK || messages * LINE_BYTES != lines.size) {
        return ZLOOM_MALFORMED;
    }
    if (inode != load->inode) {
        return ZLOOM_OK; /* of a file that was moved away: nobody can tell any more */
    }
    /* What was written here later has taken the place of what was cut off. */
    while (load->count > 0 && load->list[load->count - 1].base >= receipt.base) {
        load->count--;
    }
    receipt.lines = s_standing (load, receipt.base, lines);
    zloom_grow (&load->list, &load->capacity, load->count + 1, sizeof receipt);
    load->list[load->count++] = receipt;
    return ZLOOM_OK;
}

/* Up to the end, or to what a crash tore; returns how far. */
static off_t
s_load_file (load_t *load, const char *path)
{
    const int fd = open (path, O_RDONLY | O_CLOEXEC);
    zloom_buf_t payload = {0};
    uint8_t head[HEAD_BYTES];
    off_t end = 0;
    zloom_err_t err = fd >= 0 ? ZLOOM_OK : ZLOOM_NOT_FOUND;
    while (err == ZLOOM_OK && read (fd, head, sizeof head) == (ssize_t) sizeof head) {
        const uint32_t size = zloom_get_u32 (head);
        if (size > RECEIPT_BYTES) {
            break;
        }
        zloom_buf_clear (&payload);
        uint8_t *data = zloom_buf_reserve (&payload, size);
        if (read (fd, data, size) != (ssize_t) size ||
            zloom_crc32c (0, data, size) != zloom_get_u32 (head + 4)) {
            break;
        }
        err = s_load_receipt (load, zloom_bytes (data, size));
        end += err == ZLOOM_OK ? (off_t) (HEAD_BYTES + size) : 0;
    }
    zloom_buf_fini (&payload);
    if (fd >= 0) {
        close (fd);
    }
    return end;
}

static void
s_load (zloom_receipts_t *self, const char *path)
{
    load_t load = {.receipts = self, .fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat file;
    if (load.fd >= 0 && fstat (load.fd, &file) == 0 && S_ISREG (file.st_mode)) {
        load.inode = (uint64_t) file.st_ino;
        (void) s_load_file (&load, self->aside);
        self->size = s_load_file (&load, self->kept);
    }
    for (size_t i = 0; i < load.count; i++) {
        uint64_t lines = load.list[i].lines;
        for (size_t j = 0; j < load.list[i].run_count && lines > 0; j++) {
            run_t run = load.runs[load.list[i].first_run + j];
            run.n = run.n < lines ? run.n : (uint32_t) lines;
            lines -= run.n;
            s_remember (self, &run);
        }
    }
    if (load.fd >= 0) {
        close (load.fd);
    }
    zloom_buf_fini (&load.line);
    free (load.list);
    free (load.runs);
}

/* ---- life ----------------------------------------------------------------------------------- */

/* Behind the last whole receipt: what a crash tore would hide what comes behind it. */
static void
s_open_kept (zloom_receipts_t *self)
{
    self->fd = open (self->kept, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (self->fd >= 0 && ftruncate (self->fd, self->size) != 0) {
        close (self->fd);
        self->fd = -1;
    }
}

static void
s_close_kept (zloom_receipts_t *self)
{
    if (self->fd >= 0) {
        close (self->fd);
        self->fd = -1;
    }
}

zloom_receipts_t *
zloom_receipts_open (const char *directory, const char *path)
{
    zloom_receipts_t *self = zloom_alloc (sizeof *self);
    self->tag = RECEIPTS_TAG;
    self->kept = zloom_format ("%s/written", directory);
    self->aside = zloom_format ("%s/written.1", directory);
    self->runs = zloom_alloc (RUNS * sizeof *self->runs);
    s_load (self, path);
    s_open_kept (self);
    return self;
}

void
zloom_receipts_destroy (zloom_receipts_t **self_p)
{
    zloom_assert (self_p);
    zloom_receipts_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, RECEIPTS_TAG);
    *self_p = NULL;
    s_close_kept (self);
    for (size_t i = 0; i < self->flow_count; i++) {
        free (self->flows[i].name);
    }
    zloom_buf_fini (&self->lines);
    zloom_buf_fini (&self->out);
    free (self->flows);
    free (self->runs);
    free (self->batch);
    free (self->kept);
    free (self->aside);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

/* ---- a batch -------------------------------------------------------------------------------- */

void
zloom_receipts_add (zloom_receipts_t *self, const zloom_message_t *message)
{
    ZLOOM_CHECK (self, RECEIPTS_TAG);
    const uint32_t flow = s_flow (self, zloom_bytes_text (message->flow));
    run_t *last = self->batch_count > 0 ? &self->batch[self->batch_count - 1] : NULL;
    if (last && last->flow == flow && last->sent_ns == message->sent_wall_ns &&
        last->first + last->n == message->seq) {
        last->n++;
    } else {
        zloom_grow (&self->batch, &self->batch_capacity, self->batch_count + 1,
                    sizeof *self->batch);
        self->batch[self->batch_count++] =
          (run_t){.flow = flow, .n = 1, .first = message->seq, .sent_ns = message->sent_wall_ns};
    }
    const zloom_bytes_t line = zloom_output_line (zloom_bytes (message->body, message->body_size));
    const uint32_t crc = zloom_crc32c (0, line.size ? (const void *) line.data : "", line.size);
    uint8_t entry[LINE_BYTES];
    zloom_put_u32 (entry, (uint32_t) line.size + 1);
    zloom_put_u32 (entry + 4, zloom_crc32c (crc, "\n", 1));
    zloom_buf_add (&self->lines, entry, sizeof entry);
}

zloom_err_t
zloom_receipts_keep (zloom_receipts_t *self, uint64_t inode, uint64_t base)
{
    ZLOOM_CHECK (self, RECEIPTS_TAG);
    if (self->size > FILE_BYTES && rename (self->kept, self->aside) == 0) {
        s_close_kept (self);
        self->size = 0;
    }
    if (self->fd < 0) {
        s_open_kept (self);
    }
    static const uint8_t head[HEAD_BYTES];
    zloom_buf_clear (&self->out);
    zloom_buf_add (&self->out, head, sizeof head);
    zloom_encode_array (&self->out, 5);
    zloom_encode_uint (&self->out, RECEIPT_VERSION);
    zloom_encode_uint (&self->out, inode);
    zloom_encode_uint (&self->out, base);
    zloom_encode_array (&self->out, self->batch_count);
    for (size_t i = 0; i < self->batch_count; i++) {
        const run_t *run = &self->batch[i];
        zloom_encode_array (&self->out, 4);
        zloom_encode_string (&self->out, self->flows[run->flow].name);
        zloom_encode_uint (&self->out, run->first);
        zloom_encode_uint (&self->out, run->n);
        zloom_encode_int (&self->out, run->sent_ns);
    }
    zloom_encode_bytes (&self->out, zloom_buf_bytes (&self->lines));
    const size_t size = self->out.size - HEAD_BYTES;
    zloom_put_u32 (self->out.data, (uint32_t) size);
    zloom_put_u32 (self->out.data + 4, zloom_crc32c (0, self->out.data + HEAD_BYTES, size));
    if (self->fd < 0 || zloom_write_quietly (self->fd, self->out.data, self->out.size) !=
                          (ssize_t) self->out.size) {
        const zloom_err_t err = zloom_fail_errno (ZLOOM_SYSTEM, "%s", self->kept);
        s_close_kept (self); /* opening cuts off what was torn */
        return err;
    }
    self->size += (off_t) self->out.size;
    return ZLOOM_OK;
}

void
zloom_receipts_done (zloom_receipts_t *self, bool written)
{
    ZLOOM_CHECK (self, RECEIPTS_TAG);
    for (size_t i = 0; i < self->batch_count && written; i++) {
        s_remember (self, &self->batch[i]);
    }
    self->batch_count = 0;
    zloom_buf_clear (&self->lines);
}
