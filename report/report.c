#include "report/report.h"

#include "core/error.h"
#include "core/options.h"
#include "core/text.h"
#include "report/fit.h"
#include "report/page.h"
#include "report/plots.h"
#include "report/report_limits.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- files --- */

/* Every missing folder of the path. */
static int make_folder(const char *path)
{
    char *copy = rb_strdup(path);
    int rc = 0;
    for (char *at = copy + 1; rc == 0 && *at != '\0'; at++)
        if (*at == '/') {
            *at = '\0';
            rc = mkdir(copy, 0777) != 0 && errno != EEXIST;
            *at = '/';
        }
    rc = rc != 0 || (mkdir(copy, 0777) != 0 && errno != EEXIST);
    const int why = errno;
    free(copy);
    return rc ? rb_fail(RB_EUSAGE, "cannot make the folder %s: %s", path, strerror(why)) : RB_OK;
}

/* Writes the file by a function; a file that could not be written whole is an error. */
static int write_file(const char *folder, const char *name, int (*write)(FILE *out, const void *what), const void *what)
{
    char *path = rb_format("%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    int rc = out == NULL ? rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno)) : write(out, what);
    if (out != NULL && fclose(out) != 0 && rc == RB_OK)
        rc = rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    free(path);
    return rc;
}

static int put_csv(FILE *out, const void *records)
{
    return records_write_csv(out, records);
}

static int put_fits(FILE *out, const void *fits)
{
    return fits_write(out, fits);
}

static int put_text(FILE *out, const void *text)
{
    const struct text *t = text;
    return fwrite(t->chars, 1, t->length, out) == t->length ? RB_OK : rb_fail(RB_EUSAGE, "cannot write report.html: %s", strerror(errno));
}

static int write_page(const struct page_input *in)
{
    struct text page = {0};
    page_write(&page, in);
    const int rc = write_file(in->output, "report.html", put_text, &page);
    text_free(&page);
    return rc;
}

static int write_pictures_and_page(const struct page_input *in)
{
    struct figures figures;
    RB_TRY(plots_make(&figures, in));
    struct page_input full = *in;
    full.figures = &figures;
    const int rc = write_page(&full);
    figures_free(&figures);
    return rc;
}

static int write_all(struct page_input *in)
{
    struct fits fits;
    fits_make(&fits, in->records);
    in->fits = &fits;
    int rc = write_file(in->output, "fits.jsonl", put_fits, &fits);
    if (rc == RB_OK)
        rc = write_pictures_and_page(in);
    fits_free(&fits);
    return rc;
}

int report_write(const struct records *r, const char *output, const char *catalogue)
{
    RB_TRY(make_folder(output));
    RB_TRY(write_file(output, "results.csv", put_csv, r));
    struct page_input in = { .records = r, .catalogue = catalogue, .output = output };
    struct report_limits l;
    const int limits = report_limits_make(&l, r, catalogue);
    if (limits != RB_OK && catalogue != NULL)
        return limits; /* the user's file; without the shipped ones the page says so */
    if (limits == RB_OK) {
        in.gpus = &l.catalogue;
        in.limits = &l.limits;
        in.limit_settings = &l.settings;
    }
    const int rc = write_all(&in);
    if (limits == RB_OK)
        report_limits_free(&l);
    return rc;
}

/* --- the command --- */

struct report_settings {
    const char *output, *catalogue;
};

static const struct option_row rows[] = {
    { .name = "output", .kind = OPTION_TEXT, .offset = OPTION_AT(report_settings, output), .help = "folder of the report; without it that of FILE" },
    { .name = "catalogue", .kind = OPTION_TEXT, .offset = OPTION_AT(report_settings, catalogue), .help = "file with further or other GPU figures" },
};

static const struct option_table table = {
    .usage = "ringbench report FILE [options]",
    .about = "Makes results.csv, fits.jsonl, the plots and report.html from a results.jsonl, offline.",
    .rows = rows,
    .count = RB_LEN(rows),
};

static char *folder_of(const char *file)
{
    char *copy = rb_strdup(file), *folder = rb_strdup(dirname(copy));
    free(copy);
    return folder;
}

static int report_file(const char *file, const struct report_settings *s)
{
    struct records r;
    RB_TRY(records_read(&r, file, true));
    char *folder = s->output != NULL ? rb_strdup(s->output) : folder_of(file);
    const int rc = report_write(&r, folder, s->catalogue);
    if (rc == RB_OK)
        printf("%s/report.html\n", folder);
    free(folder);
    records_free(&r);
    return rc;
}

int report_command(int argc, char **argv)
{
    struct report_settings s = {0};
    const char *file = NULL;
    size_t files = 0;
    bool help;
    int rc = options_parse(&table, &s, argc, argv, &file, 1, &files, &help);
    if (rc == RB_OK && help)
        options_help(&table, stdout);
    else if (rc == RB_OK && files == 0)
        rc = rb_fail(RB_EUSAGE, "report: which file? ringbench report FILE, for instance ringbench-out/results.jsonl");
    else if (rc == RB_OK)
        rc = report_file(file, &s);
    return rb_exit_code(rc);
}
