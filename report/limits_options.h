/* report/limits_options.h - private to limits*.c: the option table. */
#ifndef RB_REPORT_LIMITS_OPTIONS_H
#define RB_REPORT_LIMITS_OPTIONS_H

#include "core/options.h"
#include "report/limits.h"

extern const struct option_table limits_options;

#endif
