/* SPDX-License-Identifier: MPL-2.0 */
#include "lints.h"

const zloom_lint_t zloom_lints[ZLOOM_LINTS] = {
#define ZLOOM_LINT(code, severity, name, check, why, fix, bad, good) \
    {code, ZLOOM_SEVERITY_##severity, name, zloom_check_##check, why, fix, bad, good},
#include "lints.def"
#include "queue/lints.def"
#undef ZLOOM_LINT
};
