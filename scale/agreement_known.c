#include "scale/agreement_known.h"

#include "core/data_path.h"
#include "core/error.h"

#include <stdlib.h>
#include <string.h>

static int find_columns(struct known *k)
{
    RB_TRY(csv_need_column(&k->csv, "log", &k->log));
    RB_TRY(csv_need_column(&k->csv, "class", &k->class));
    return csv_need_column(&k->csv, "cause", &k->cause);
}

int known_load(struct known *k)
{
    char *path;
    RB_TRY(data_path("agreement.csv", &path));
    int rc = csv_read(&k->csv, path);
    free(path);
    if (rc != RB_OK)
        return rc;
    rc = find_columns(k);
    if (rc != RB_OK)
        known_free(k);
    return rc;
}

void known_free(struct known *k)
{
    csv_free(&k->csv);
}

void known_apply(const struct known *k, struct agreement_row *row)
{
    for (size_t i = 0; i < k->csv.nrows; i++) {
        char *const *cells = k->csv.rows[i].cells;
        if (strcmp(cells[k->log], row->log) != 0)
            continue;
        if (cells[k->class][0] != '\0')
            snprintf(row->class, sizeof row->class, "%s", cells[k->class]);
        snprintf(row->cause, sizeof row->cause, "%s", cells[k->cause]);
    }
}
