/* report/catalogue_fields.h - private to catalogue*.c: the columns of the four files as tables. */
#ifndef RB_REPORT_CATALOGUE_FIELDS_H
#define RB_REPORT_CATALOGUE_FIELDS_H

#include "report/catalogue.h"

struct catalogue_field {
    const char *column;
    size_t offset;
    enum { FIELD_WORDS, FIELD_FIGURE } kind;
    bool required; /* the column must be there */
    bool key;      /* part of the name by which files are merged */
};

struct catalogue_kind {
    const char *what; /* "GPU" */
    const char *file; /* as shipped */
    size_t row_bytes;
    size_t rows_at, count_at; /* in struct catalogue */
    const struct catalogue_field *fields;
    size_t nfields;
};

enum { CATALOGUE_KINDS = 4 };
extern const struct catalogue_kind catalogue_kinds[CATALOGUE_KINDS];

#endif
