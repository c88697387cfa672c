/* SPDX-License-Identifier: MPL-2.0 */
/*
 * subscribers.h - who hears the buses of a router, as it tells of them (`stats`, `group ls`), and
 * what became of one event there (`receipts`): as text.
 */
#ifndef ZLOOM_CLI_SUBSCRIBERS_H
#define ZLOOM_CLI_SUBSCRIBERS_H

#include "routers.h"

/*
 * A table, with an empty line before it where something stands already; nothing when there is none.
 * `subscribers`: an array of the router's rows.
 */
void zloom_subscribers_text (zloom_buf_t *out, const json_t *subscribers);

/*
 * Ask what became of each message of the answers' lists "messages" ({flow, seq, ...}) in the
 * durable groups of its bus, and put it beside as "receipts"; messages of other flows stay as they
 * are. answers[i] is of the router at that place, or NULL. 0, or an exit code after a message.
 */
int zloom_receipts_ask (zloom_routers_t *routers, json_t *const answers[]);
/* Of each message that has them, a line for each durable group. */
void zloom_receipts_text (zloom_buf_t *out, const json_t *messages);

#endif
