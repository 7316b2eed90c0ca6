/* report/import_json.h - a log that is one JSON object. */
#ifndef RB_REPORT_IMPORT_JSON_H
#define RB_REPORT_IMPORT_JSON_H

#include "report/import_read.h"

/* Does the text begin an object and have this somewhere? */
bool import_json_holds(const struct import_text *text, const char *part);
/* *root_p: a new reference. RB_EUSAGE with file and line. */
int import_json_read(const struct import_reader *reader, json_t **root_p);

#endif
