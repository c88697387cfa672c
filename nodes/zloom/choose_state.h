/* SPDX-License-Identifier: MPL-2.0 */
/* choose_state.h - the answers by name, in the order of choose.c's tables; for choose*.c alone. */
#ifndef ZLOOM_CLI_CHOOSE_STATE_H
#define ZLOOM_CLI_CHOOSE_STATE_H

#include "choose.h"

enum { ANSWER_NO, ANSWER_YES, ANSWER_LATER };
enum { WHO_ONE, WHO_ALL, WHO_AGAIN };
enum { LOST_NO, LOST_YES };
enum { FRESH_NOW, FRESH_SOON, FRESH_LATER };
enum { SOURCE_PROGRAM, SOURCE_WEBHOOK, SOURCE_FILE, SOURCE_ASK };

#endif
