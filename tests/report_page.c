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
#include "tests/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

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

/* Runs work with stderr and stdout in a file; the caller frees the text. */
static int quietly(int (*work)(void *), void *what, char **messages_p)
{
    char *log = rb_format("%s/messages", folder);
    fflush(NULL);
    const int saved[] = { dup(1), dup(2) };
    FILE *f = fopen(log, "wb");
    dup2(fileno(f), 1);
    dup2(fileno(f), 2);
    const int rc = work(what);
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], i + 1);
        close(saved[i]);
    }
    fclose(f);
    struct text t;
    assert_int_equal(text_read_file(&t, log, 1 << 20), RB_OK);
    *messages_p = t.chars;
    free(log);
    return rc;
}

struct command {
    int argc;
    char *argv[6];
};

static int run_command(void *what)
{
    struct command *c = what;
    return report_command(c->argc, c->argv);
}

static char *read_page(const char *path)
{
    char *file = rb_format("%s/report.html", path);
    struct text t;
    assert_int_equal(text_read_file(&t, file, 64 << 20), RB_OK);
    free(file);
    return t.chars;
}

static void expect(const char *page, const char *words)
{
    if (strstr(page, words) == NULL)
        fail_msg("the page lacks: %s", words);
}

static void test_everything_is_made(void **state)
{
    (void)state;
    struct records r;
    page_records(&r);
    char *out = rb_format("%s/deep/er", folder);
    assert_int_equal(report_write(&r, out, NULL), RB_OK);
    static const char *const files[] = { "results.csv", "fits.jsonl", "report.html", "plots/bandwidth-all_reduce-2.gp", "plots/limits.gp" };
    for (size_t i = 0; i < RB_LEN(files); i++) {
        char *path = rb_format("%s/%s", out, files[i]);
        struct stat st;
        if (stat(path, &st) != 0 || st.st_size == 0)
            fail_msg("%s is missing or empty", path);
        free(path);
    }
    char *page = read_page(out);
    expect(page, "<section id=\"answer\">");
    expect(page, "<section id=\"limits\">");
    expect(page, "<section id=\"results\">");
    expect(page, "<section id=\"fits\">");
    expect(page, "<section id=\"machine\">");
    expect(page, "<section id=\"claims\">");
    expect(page, "<section id=\"notes\">");
    expect(page, "a &lt;machine&gt; &amp; its &quot;name&quot;");
    expect(page, "The governor is &lt;powersave&gt;");
    expect(page, "GPU links: no GPU was found.");
    expect(page, "Between every two ranks one way: 6.10 GB/s (from 2 to 3)");
    expect(page, "1 outlier among 12 pairs");
    assert_null(strstr(page, "<machine>"));
    assert_null(strstr(page, "<powersave>"));
    assert_null(strstr(page, "http-equiv"));
    assert_null(strstr(page, "src=\"http"));
    assert_null(strstr(page, "<script"));
    free(page);
    free(out);
    records_free(&r);
}

/* A run of one rank, and records that say nothing else: every section that is left out says why. */
static void test_nothing_to_show(void **state)
{
    (void)state;
    struct records r = { .run = json_pack("{s:s}", "version", "1") };
    struct record_case c = { .collective = "all_reduce", .algorithm = "ring", .transport = "shm", .ranks = 1, .nodes = 1, .root = -1, .bytes = 8,
                             .time_us = { 1, 1, 1, 1, 1, 1, 0, 1 }, .busbw_GBps = NAN, .ratio = NAN };
    records_add_case(&r, &c);
    char *out = rb_format("%s/empty", folder);
    assert_int_equal(report_write(&r, out, NULL), RB_OK);
    char *page = read_page(out);
    expect(page, "No bandwidth was measured: it takes at least two ranks");
    expect(page, "Results: no case has a time between two or more ranks.");
    expect(page, "no curve could be fitted");
    expect(page, "A baseline: none was run");
    free(page);
    free(out);
    records_free(&r);
}

/* Names that a record should not have: nothing of them may act as HTML, gnuplot or a path. */
static void test_hostile_names(void **state)
{
    (void)state;
    struct records r;
    page_records(&r);
    for (size_t i = 0; i < r.ncases; i++) {
        strcpy(r.cases[i].collective, "../x'\"<b>`id`");
        strcpy(r.cases[i].label, "'; system \"touch pwned\"");
    }
    char *out = rb_format("%s/hostile", folder);
    assert_int_equal(report_write(&r, out, NULL), RB_OK);
    char *page = read_page(out);
    assert_null(strstr(page, "<b>`id`"));
    expect(page, "&lt;b&gt;`id`");
    expect(page, "plot-bandwidth-___x___b__id_-2");
    char *pwned = rb_format("%s/plots/pwned", out);
    assert_int_not_equal(access(pwned, F_OK), 0);
    free(pwned);
    free(page);
    free(out);
    records_free(&r);
}

struct absurd_report {
    const struct records *records;
    const char *folder;
};

static int write_absurd(void *what)
{
    const struct absurd_report *a = what;
    return report_write(a->records, a->folder, NULL);
}

/* Numbers that no run makes, but a damaged file may hold: nothing hangs, nothing is drawn from the times. */
static void test_absurd_numbers(void **state)
{
    (void)state;
    static const double absurd[] = { 0, 1e-300, 1e300, 1.7e308, INFINITY, NAN };
    struct records r;
    page_records(&r);
    for (size_t i = 0; i < r.ncases; i++) {
        const double v = absurd[i % RB_LEN(absurd)];
        struct record_case *c = &r.cases[i];
        c->bytes = i % 7 == 0 ? 0 : i % 5 == 0 ? INT64_MAX : c->bytes;
        c->time_us.p99 = c->busbw_GBps = c->ceiling_GBps = c->ratio = c->ratio_high = c->wire_GBps = v;
        c->time_us.median = i % 2 == 0 ? v : c->time_us.median;
        c->ranks = i % 11 == 0 ? INT32_MAX : 2;
    }
    char *out = rb_format("%s/absurd", folder), *messages;
    struct absurd_report a = { &r, out };
    assert_int_equal(quietly(write_absurd, &a, &messages), RB_OK);
    free(messages);
    char *page = read_page(out);
    expect(page, "<section id=\"answer\">");
    free(page);
    free(out);
    records_free(&r);
}

/* Two numbers of ranks: the table over them, and its lines in fits.jsonl. */
static void test_several_numbers_of_ranks(void **state)
{
    (void)state;
    struct records r;
    page_records(&r);
    const size_t n = r.ncases;
    for (size_t i = 0; i < n; i++) {
        struct record_case c = r.cases[i];
        c.samples_us = NULL;
        c.nsamples = 0;
        c.ranks = 4;
        c.hops = c.baseline[0] == '\0' ? 6 : 0; /* of a baseline it is not known */
        c.time_us.median *= 2;
        records_add_case(&r, &c);
    }
    char *out = rb_format("%s/several", folder), *fits = rb_format("%s/fits.jsonl", out);
    assert_int_equal(report_write(&r, out, NULL), RB_OK);
    char *page = read_page(out);
    expect(page, "Over several numbers of ranks");
    expect(page, "not fitted: the number of messages one after the other is not known");
    expect(page, "all-reduce, 4 ranks, float sum");
    free(page);
    struct text t;
    assert_int_equal(text_read_file(&t, fits, 1 << 24), RB_OK);
    expect(t.chars, "\"form\":\"across\"");
    expect(t.chars, "\"b_us_per_hop\":");
    text_free(&t);
    free(fits);
    free(out);
    records_free(&r);
}

static void test_command(void **state)
{
    (void)state;
    struct records r;
    page_records(&r);
    assert_int_equal(write_all(folder, &r), RB_OK);
    records_free(&r);
    char *file = rb_format("%s/results.jsonl", folder), *other = rb_format("%s/other", folder), *messages;
    struct command good = { 4, { "report", file, "--output", other } };
    assert_int_equal(quietly(run_command, &good, &messages), 0);
    expect(messages, "/other/report.html\n");
    free(messages);
    char *again = rb_format("%s/results.csv", folder);
    assert_int_not_equal(access(again, F_OK), 0); /* --output is where it goes */
    struct command beside = { 2, { "report", file } };
    assert_int_equal(quietly(run_command, &beside, &messages), 0);
    assert_int_equal(access(again, F_OK), 0);
    free(messages);
    free(again);
    free(other);
    free(file);
}

static const struct {
    struct command command;
    const char *message;
} refused[] = {
    { { 1, { "report" } }, "report: which file?" },
    { { 2, { "report", "/no/such.jsonl" } }, "/no/such.jsonl: No such file" },
    { { 3, { "report", "/no/such.jsonl", "--outptu" } }, "did you mean --output?" },
    { { 3, { "report", "/no/such.jsonl", "again" } }, "one file too many" },
    { { 2, { "report", "/dev/null" } }, "no usable record" },
};

static void test_refusals(void **state)
{
    (void)state;
    char *messages;
    for (size_t i = 0; i < RB_LEN(refused); i++) {
        struct command c = refused[i].command;
        assert_int_equal(quietly(run_command, &c, &messages), 6);
        expect(messages, refused[i].message);
        free(messages);
    }
}

static void test_folder_that_cannot_be(void **state)
{
    (void)state;
    struct records r;
    page_records(&r);
    assert_int_equal(write_all(folder, &r), RB_OK);
    records_free(&r);
    char *file = rb_format("%s/results.jsonl", folder), *under = rb_format("%s/results.jsonl/below", folder), *messages;
    struct command c = { 4, { "report", file, "--output", under } };
    assert_int_equal(quietly(run_command, &c, &messages), 6);
    expect(messages, "cannot make the folder");
    free(messages);
    free(under);
    free(file);
}

static void test_catalogue_of_the_user(void **state)
{
    (void)state;
    char *file = rb_format("%s/results.jsonl", folder), *bad = rb_format("%s/bad.csv", folder), *messages;
    FILE *f = fopen(bad, "wb");
    fputs("model,speed\nX,1\n", f);
    fclose(f);
    struct command c = { 4, { "report", file, "--catalogue", bad } };
    assert_int_equal(quietly(run_command, &c, &messages), 6);
    expect(messages, "bad.csv");
    free(messages);
    free(bad);
    free(file);
}

/* Ratios 2 (ring) and 3 (direct) at 8 bytes, 0.5 at 16: the best are 3 and 0.5, their geometric mean is sqrt(1.5). */
static void test_statistics(void **state)
{
    (void)state;
    struct records r = {0};
    struct record_case c = { .collective = "all_reduce", .algorithm = "ring", .ranks = 2, .nodes = 1, .bytes = 8, .ratio = 2, .busbw_GBps = 5 };
    records_add_case(&r, &c);
    strcpy(c.algorithm, "direct");
    c.ratio = 3;
    c.busbw_GBps = 7;
    records_add_case(&r, &c);
    c.bytes = 16;
    c.ratio = 0.5;
    c.busbw_GBps = 6;
    records_add_case(&r, &c);
    c.ratio = 100;
    c.bytes = 32;
    c.busbw_GBps = NAN;
    strcpy(c.label, "outside");
    records_add_case(&r, &c);
    strcpy(c.collective, "broadcast");
    c.ratio = NAN;
    c.busbw_GBps = 1000;
    records_add_case(&r, &c);
    struct statistics s;
    statistics_make(&s, &r);
    assert_int_equal(s.ratio_cases, 2);
    assert_true(fabs(s.ratio_mean - sqrt(1.5)) < 1e-12);
    assert_true(s.ratio_least == 0.5 && s.ratio_most == 3);
    assert_int_equal(s.ratio_least_case->bytes, 16);
    assert_true(s.fastest->busbw_GBps == 7 && s.largest->bytes == 16);
    records_free(&r);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double v;
        int digits;
        const char *text;
    } rows[] = {
        { 12.345, 3, "12.3" }, { 0.012345, 3, "0.0123" }, { 12345, 3, "12345" }, { 0, 3, "0.00" }, { -3.14159, 3, "-3.14" },
        { NAN, 3, "\u2013" },  { 1e12, 3, "1.00e+12" },   { 9.999, 3, "10.0" },
    };
    char number[HTML_NUMBER];
    for (size_t i = 0; i < RB_LEN(rows); i++)
        assert_string_equal(html_number(number, rows[i].v, rows[i].digits), rows[i].text);
}

/* RFC 4648, section 10. */
static void test_base64(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *coded;
    } rows[] = { { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "foobar", "Zm9vYmFy" }, { "\xff\xfe", "//4=" } };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct text t = {0};
        html_base64(&t, rows[i].plain, strlen(rows[i].plain));
        assert_string_equal(t.chars, rows[i].coded);
        text_free(&t);
    }
}

static int make_both(void **state)
{
    if (access("report/data/gpus.csv", R_OK) == 0) /* built elsewhere: the program does not stand beside its data */
        setenv("RINGBENCH_DATA", "report/data", 0);
    return make_folder(state);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return write_for_browser(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_made), cmocka_unit_test(test_nothing_to_show), cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_absurd_numbers), cmocka_unit_test(test_several_numbers_of_ranks), cmocka_unit_test(test_command), cmocka_unit_test(test_refusals), cmocka_unit_test(test_folder_that_cannot_be),
        cmocka_unit_test(test_catalogue_of_the_user), cmocka_unit_test(test_statistics), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, make_both, remove_folder);
}
