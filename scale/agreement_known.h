/* scale/agreement_known.h - data/agreement.csv: what a published log says of its links in words that no figure of it holds, and why it
 * differs from others. Private to agreement.c.
 *
 * Errors RB_EUSAGE and one line. Ownership known_free(). */
#ifndef RB_SCALE_AGREEMENT_KNOWN_H
#define RB_SCALE_AGREEMENT_KNOWN_H

#include "core/csv.h"
#include "scale/agreement.h"

struct known {
    struct csv csv;
    size_t log, class, cause; /* columns */
};

int known_load(struct known *k);
void known_free(struct known *k);
/* Class and cause of the row's log, where the file has them. */
void known_apply(const struct known *k, struct agreement_row *row);

#endif
