/* report/validate_evidence.h - private to validate*.c: gathers the evidence. */
#ifndef RB_REPORT_VALIDATE_EVIDENCE_H
#define RB_REPORT_VALIDATE_EVIDENCE_H

#include "report/validate.h"

struct evidence *validation_add(struct validation *v, enum evidence_kind kind);

/* Catalogue, evidence.csv, published logs. */
int evidence_shipped(struct validation *v, const struct catalogue *c);
/* A results.jsonl or a log. collective: for a log that does not say which; NULL: none. */
int evidence_given(struct validation *v, const struct catalogue *c, const char *path, const char *collective);

#endif
