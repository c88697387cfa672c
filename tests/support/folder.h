/* SPDX-License-Identifier: MPL-2.0 */
/*
 * folder.h - a folder for one test under /tmp (not $TMPDIR: the path of a socket is short). What is
 * left when the program ends is removed then; what one leaves that is killed, by the next program
 * that makes a folder.
 *
 * Example:
 *     char folder[ZLOOM_FOLDER_BYTES];
 *     assert_true (zloom_folder_make (folder));
 *     assert_true (zloom_folder_remove (folder));
 */
#ifndef ZLOOM_TESTS_SUPPORT_FOLDER_H
#define ZLOOM_TESTS_SUPPORT_FOLDER_H

#include <stdbool.h>

#define ZLOOM_FOLDER_BYTES 32u

/* Make an empty folder that nobody else has and write its path; false when it cannot be made. */
bool zloom_folder_make (char folder[ZLOOM_FOLDER_BYTES]);
/* Remove the folder with all that is in it, following no link; false when something stays. */
bool zloom_folder_remove (const char *folder);

#endif
