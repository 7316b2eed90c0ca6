/* report/import_facts.h - GPU names, transports, versions and counts out of free text.
 *
 * Everything here is a guess from words; what a log states in its own format comes from the importers and wins. */
#ifndef RB_REPORT_IMPORT_FACTS_H
#define RB_REPORT_IMPORT_FACTS_H

#include "report/import.h"
#include "report/import_text.h"

void facts_from_preface(struct import_source *s, const struct import_preface *p);
/* Version, algorithm, NVLS and transport that a line of NCCL's own output or a command line names. */
void facts_from_line(struct import_source *s, const char *text);
/* When the source is complete: the transport, from the technologies and the number of machines. */
void facts_guess(struct import_source *s);

/* Adds a GPU model, once; several are joined with " + ". */
void facts_add_gpu(struct import_source *s, const char *name, size_t length);
/* NCCL_VERSION_CODE -> "2.29.3" (2804 -> "2.8.4"). */
void facts_nccl_code(struct import_source *s, uint64_t code);

#endif
