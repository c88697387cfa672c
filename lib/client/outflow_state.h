/* SPDX-License-Identifier: MPL-2.0 */
/*
 * outflow_state.h - an outflow from the inside: outflow.c has what the client itself sends,
 * outflow_carry.c what it carries for others.
 */
#ifndef ZLOOM_CLIENT_OUTFLOW_STATE_H
#define ZLOOM_CLIENT_OUTFLOW_STATE_H

#include "client/outflow.h"

#define ZLOOM_OUTFLOW_TAG 0x5A436F66u

struct zloom_outflow {
    uint32_t tag;
    char *name;
    bool has_fingerprint;
    uint64_t fingerprint;
    zloom_outflow_limits_t limits;
    /* session */
    zloom_err_t state; /* AGAIN: none */
    bool ever_welcomed;
    uint32_t index;
    uint32_t message_bytes;
    uint32_t pack_bytes;
    zloom_credit_t credit;
    bool blocked; /* refused: nothing goes until CREDIT */
    zloom_err_t refusal;
    zloom_confirm_t level;
    zloom_buf_t topic; /* of messages that name none; empty: they have none */
    bool keyed;
    zloom_buf_t key_pointer;
    zloom_buf_t key;    /* of the message that was looked at last */
    zloom_blob_t *mark; /* as WELCOME had it */
    /* ids: confirmed < those in the list < next_id */
    uint64_t next_id;
    uint64_t confirmed;
    uint64_t went; /* highest id that ever went out */
    zloom_batches_t batches;
    uint64_t failed;
    /* the open pack */
    zloom_buf_t open;
    size_t sealed_bytes; /* of the pack before */
    uint32_t open_n;
    uint32_t open_flags;
    uint64_t open_first;
    int64_t open_base_ns;
    int64_t open_due_ns;
    zloom_blob_t *open_mark;
    /* carried for others: ids are the caller's */
    bool carries;
    zloom_origin_list_t open_origins;
    zloom_boot_first_t *boots;
    size_t boot_count;
};

#endif
