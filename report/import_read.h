/* report/import_read.h - what the importers of the single formats share.
 *
 * A format recognises a text and reads it: it opens a source for each run that it finds, adds cases and links to it, and
 * closes it. Closing gives the cases what the source says of the machine. */
#ifndef RB_REPORT_IMPORT_READ_H
#define RB_REPORT_IMPORT_READ_H

#include "report/import.h"
#include "report/import_text.h"

struct import_reader {
    struct import *im;
    const struct import_text *text;
    const char *format;   /* name of the row being read */
    size_t first_source;  /* of this file, in im->sources */
    size_t said;          /* warnings printed for this file */
};

struct import_format {
    const char *name;
    const char *summary; /* one line of --help */
    bool (*recognise)(const struct import_text *text);
    int (*read)(struct import_reader *reader);
};

/* The table (import_formats.c): one row a format. */
extern const struct import_format *const import_formats[];
extern const size_t import_format_count;

/* A new source, with what the collector's lines say. Borrowed until the next is opened. */
struct import_source *import_open(struct import_reader *reader);
struct import_source *import_current(const struct import_reader *reader);
void import_add_case(struct import_reader *reader, const struct record_case *c);
void import_add_link(struct import_reader *reader, const struct import_link *l);
/* All fields unknown. */
struct record_case import_no_case(void);
struct import_link import_no_link(enum import_link_kind kind, size_t line);
void import_close(struct import_reader *reader);

/* "path:line: warning", counted in the current source; after a few, only counted. */
void import_say(struct import_reader *reader, size_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "path:line: message" and RB_EUSAGE. */
int import_refuse(const struct import_reader *reader, size_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds to the source's note, once. */
void import_remark(struct import_source *s, const char *remark);

#endif
