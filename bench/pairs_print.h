/* bench/pairs_print.h - the matrices of --pairs as text, CSV or JSON. */
#ifndef RB_BENCH_PAIRS_PRINT_H
#define RB_BENCH_PAIRS_PRINT_H

#include "bench/pairs.h"

#include <stdio.h>

/* pairs: all ordered ones, from by from. format: table, csv or json. */
int pairs_print(FILE *out, const char *format, const struct record_pair *pairs, size_t count, const struct pairs_outlier *worst);

#endif
