/* report/import_text.h - a log as lines, for the importers.
 *
 * Knows what launchers and terminals put around a line (mpirun and srun labels, kubectl and docker prefixes, time stamps,
 * colours) and takes it off; bytes that are no UTF-8 become '?'. Knows nothing of what a line means.
 *
 * Ownership all pointers go into the text; import_text_free() frees it. */
#ifndef RB_REPORT_IMPORT_TEXT_H
#define RB_REPORT_IMPORT_TEXT_H

#include "core/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct import_line {
    const char *text;     /* without label and surrounding blanks; NUL-terminated */
    const char *label;    /* which process printed it, e.g. "[1,0]<stdout>"; not terminated */
    size_t label_length;  /* 0: no label */
    size_t number;        /* in the file, from 1 */
};

/* The collector's lines in front of a published log; "" when there are none. */
struct import_preface {
    const char *source, *gpu, *count, *interconnect, *collective, *nccl, *note;
};

struct import_text {
    const char *path;
    struct text buffer;
    struct import_line *lines; /* without the preface */
    size_t nlines;
    struct import_preface preface;
};

/* Takes the buffer over. RB_EUSAGE when it is empty, binary, or has too many lines. */
int import_text_split(struct import_text *t, const char *path, struct text *buffer);
void import_text_free(struct import_text *t);
bool import_same_label(const struct import_line *a, const struct import_line *b);

/* A word of a line. */
struct import_word {
    const char *at;
    size_t length;
};
enum { IMPORT_MAX_WORDS = 1200 }; /* a matrix of 1152 GPUs is the widest that is read */

/* The words of a line, at most max of them; returns how many there are in all. */
size_t import_words(const char *text, struct import_word *words, size_t max);
bool import_word_is(struct import_word w, const char *s);
/* Copies into a field of that size, cut between characters when it is longer. */
void import_copy(char *field, size_t size, const char *at, size_t length);

/* What is no UTF-8 becomes '?', in place: it could not be written as JSON. */
void import_clean(char *s);

/* A decimal number, digits may be grouped with _; *half_p is half a unit of its last printed digit. */
bool import_number(struct import_word w, double *value_p, double *half_p);
bool import_whole(struct import_word w, uint64_t *value_p);

bool import_begins(const char *text, const char *with);
/* What follows the first occurrence of `mark`, blanks skipped; NULL when it does not occur. */
const char *import_after(const char *text, const char *mark);
/* The number that follows `mark`; false when there is none. */
bool import_number_after(const char *text, const char *mark, uint64_t *value_p);
/* A line that says that others were left out: "...", "[...]". */
bool import_is_elision(const char *text);

#endif
