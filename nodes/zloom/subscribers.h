/* SPDX-License-Identifier: MPL-2.0 */
/*
 * subscribers.h - who hears the buses of a router, as it tells of them (`stats`, `group ls`), and
 * what became of one event there (`receipts`): as text.
 */
#ifndef ZLOOM_CLI_SUBSCRIBERS_H
#define ZLOOM_CLI_SUBSCRIBERS_H

#include "print.h"

/* A table; nothing when there is none. `subscribers`: an array of the router's rows. */
void zloom_subscribers_text (zloom_buf_t *out, const json_t *subscribers);
/* A line for each durable group. */
void zloom_receipts_text (zloom_buf_t *out, const json_t *receipts);

#endif
