/* report/records_fields.h - the members of a record as a table: one row a member feeds the JSON writer, the JSON reader and the CSV.
 *
 * Private to records*.c. It knows no file and no line: a reader's complaint is text that names the key. */
#ifndef RB_REPORT_RECORDS_FIELDS_H
#define RB_REPORT_RECORDS_FIELDS_H

#include "report/records.h"

enum field_kind {
    FIELD_TEXT,     /* char[size] */
    FIELD_BOOL,     /* bool */
    FIELD_INT,      /* int, at least `least` */
    FIELD_COUNT,    /* uint64_t */
    FIELD_CHECKED,  /* int64_t; -1 is null: was not taken */
    FIELD_REAL,     /* double; NAN is null */
    FIELD_BASELINE, /* char[size]; "" is false */
};

struct field {
    const char *group; /* the JSON object that holds it; NULL: the record itself */
    const char *name;
    enum field_kind kind;
    size_t offset, size;
    int least;     /* FIELD_INT: smallest legal value, and the value when absent */
    bool needed;   /* a record without it is damaged */
    int element;   /* of the array `name` (ci95), from 1; 0: no array */
};

struct field_table {
    const char *kind; /* "case", "pair" */
    const struct field *fields;
    size_t count;
};

extern const struct field_table case_table, pair_table;

/* A new reference. */
json_t *fields_json(const struct field_table *table, const void *record);
/* Absent members get their neutral value. False: why holds a text that names the key. */
bool fields_parse(const struct field_table *table, const json_t *object, void *record, char why[160]);
void fields_csv_header(FILE *out, const struct field_table *table);
void fields_csv_row(FILE *out, const struct field_table *table, const void *record);

#endif
