/* SPDX-License-Identifier: MPL-2.0 */
/*
 * receipts.h - which messages stand in the file, so that one that comes again (the sink or the
 * router died before its settlement was taken) is settled and not written a second time.
 *
 * Before a batch is written a receipt is: where in the file it will begin, which messages it is,
 * and the size and checksum of each line. A receipt alone proves nothing; it counts as far as the
 * lines in the file are those that it names. So receipts are never synced: the worst that a lost
 * one costs is a line that stands twice.
 *
 *   DIRECTORY/written, written.1     u32 size, u32 CRC32C of the payload, payload; little-endian
 *   payload                          [1, inode, base, [[flow, first, n, sent_ns]…], lines]
 *   lines                            bin: u32 size with newline, u32 CRC32C, for each message
 *
 * A new version takes another number, and what does not have a known one is ignored.
 */
#ifndef ZLOOM_NODES_SINK_RECEIPTS_H
#define ZLOOM_NODES_SINK_RECEIPTS_H

#include "zloom.h"

#include "base/bytes.h"
#include "base/error.h"

typedef struct zloom_receipts zloom_receipts_t;

/* `directory` must exist. `path` is the file that the lines go to; it may be missing. */
zloom_receipts_t *zloom_receipts_open (const char *directory, const char *path);
void zloom_receipts_destroy (zloom_receipts_t **self_p);
/* Whether this very message stands in the file. */
bool zloom_receipts_has (const zloom_receipts_t *self, const zloom_message_t *message);
/* The next message of the batch to come; its line is zloom_output_line () and a newline. */
void zloom_receipts_add (zloom_receipts_t *self, const zloom_message_t *message);
/* Keep the batch's receipt: its first line will be at `base` of the file `inode`. SYSTEM. */
zloom_err_t zloom_receipts_keep (zloom_receipts_t *self, uint64_t inode, uint64_t base);
/* The batch stands in the file, or (false) nothing of it does. */
void zloom_receipts_done (zloom_receipts_t *self, bool written);

#endif
