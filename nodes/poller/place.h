/* SPDX-License-Identifier: MPL-2.0 */
/*
 * place.h - a place in a file, behind a line, in a form that outlives the process: which file it
 * was, how far, and what stood there.
 *
 * As a producer's mark it is the msgpack array
 *     [1, inode, offset, line, id, tail_size, tail_crc]
 * kept by the router with the message `id`, which is the line that ends at `offset`. Messages that
 * were taken after the mark's own (a pack may be cut before the message that carries its mark) are
 * the next lines of the same file.
 *
 * A file is known by its inode and by the last bytes of the line before the place. A device number
 * would not do: it changes when a machine starts again. Neither would the inode alone: file
 * systems hand out the inode of a deleted file to the next one at once.
 */
#ifndef ZLOOM_NODES_POLLER_PLACE_H
#define ZLOOM_NODES_POLLER_PLACE_H

#include "base/bytes.h"
#include "base/error.h"

/* So many bytes before the place are compared, at most. */
#define ZLOOM_PLACE_TAIL_BYTES 256u

typedef struct {
    uint64_t inode;
    uint64_t offset;    /* behind the line's newline */
    uint64_t line;      /* the line's number in its file, from 1; 0: none yet */
    uint64_t id;        /* of the message that the line became */
    uint32_t tail_size; /* bytes before `offset` that tail_crc is of */
    uint32_t tail_crc;  /* CRC32C */
} zloom_place_t;

void zloom_place_encode (const zloom_place_t *self, zloom_buf_t *out);
/* MALFORMED, VERSION (a mark of a later zloom) with a note. */
zloom_err_t zloom_place_decode (zloom_bytes_t mark, zloom_place_t *self);
/* Whether the open file `fd` is the one, and still has what stood before the place. */
bool zloom_place_is_in (const zloom_place_t *self, int fd);

/* Whether the message with this id is one of the `ppm` of a million that a part is made of. */
bool zloom_place_is_sample (uint64_t id, uint64_t ppm);

#endif
