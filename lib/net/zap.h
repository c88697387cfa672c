/* SPDX-License-Identifier: MPL-2.0 */
/*
 * zap.h - the thread that answers ZeroMQ's questions about strangers (ZAP 1.0, RFC 27). door.c
 * starts and asks it; nobody else uses it.
 */
#ifndef ZLOOM_NET_ZAP_H
#define ZLOOM_NET_ZAP_H

#include "base/bytes.h"
#include "net/keypair.h"
#include "net/thread.h"

/* What is asked; the views are valid during the call. */
typedef struct {
    zloom_bytes_t domain;
    zloom_bytes_t address;
    zloom_bytes_t mechanism;
    zloom_bytes_t key; /* of CURVE: 32 bytes; else empty */
} zloom_zap_question_t;

/* Whether it may come in. Called on the thread. */
typedef bool (zloom_zap_fn) (void *arg, const zloom_zap_question_t *question);

typedef struct zloom_zap zloom_zap_t;

/* Returns once it answers; without it every handshake fails. SYSTEM, EXISTS with a note. */
zloom_err_t zloom_zap_start (zloom_zap_fn *ask, void *arg, zloom_zap_t **self_p);
void zloom_zap_stop (zloom_zap_t **self_p);

#endif
