/* The plots: scripts and pictures of everything that the records hold, a reason for everything that they do not. */
#include "report/plots.h"

#include "core/error.h"
#include "report/plots_panels.h"
#include "tests/page_data.h"
#include "tests/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool exists(const char *name, const char *end)
{
    char *path = rb_format("%s/plots/%s%s", folder, name, end);
    struct stat st;
    const bool there = stat(path, &st) == 0 && st.st_size > 0;
    free(path);
    return there;
}

static bool has_gnuplot(void)
{
    return system("gnuplot -V >/dev/null 2>&1") == 0;
}

static struct page_input input_of(const struct records *r, struct fits *fits)
{
    fits_make(fits, r);
    return (struct page_input){ .records = r, .fits = fits, .output = folder };
}

static void test_pictures(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        print_message("# skipped: no gnuplot\n");
        skip();
    }
    struct records r;
    struct fits fits;
    struct figures figures;
    page_records(&r);
    const struct page_input in = input_of(&r, &fits);
    assert_int_equal(plots_make(&figures, &in), RB_OK);
    assert_null(figures.missing);
    assert_int_equal(figures.count, 4 * PAGE_COLLECTIVES + 1); /* bandwidth, ratio, latency, fit of each; the pairs */
    for (size_t i = 0; i < figures.count; i++) {
        const struct figure *f = &figures.list[i];
        if (!f->drawn || !exists(f->name, ".gp") || !exists(f->name, ".svg") || !exists(f->name, "-narrow.svg") || !exists(f->name, ".png"))
            fail_msg("%s is not drawn", f->name);
        assert_true(f->caption.length > 0);
        assert_non_null(strstr(f->caption.chars, "Inputs: "));
    }
    assert_true(figures.ngaps > 0);
    for (size_t i = 0; i < figures.ngaps; i++) { /* what this input does not have */
        const char *why = figures.gaps[i].why;
        if (strcmp(why, "there is no GPU catalogue") != 0 && strstr(why, "no cluster was simulated") != why && strstr(why, "ringbench workload") == NULL)
            fail_msg("a gap for another reason: %s", why);
    }
    figures_free(&figures);
    fits_free(&fits);
    records_free(&r);
}

static void test_reasons(void **state)
{
    (void)state;
    struct records r = {0};
    struct fits fits;
    struct figures figures;
    const struct page_input in = input_of(&r, &fits);
    assert_int_equal(plots_make(&figures, &in), RB_OK);
    assert_int_equal(figures.count, 0);
    assert_null(figures.missing);
    for (size_t i = 0; i < figures.ngaps; i++)
        assert_true(strlen(figures.gaps[i].why) > 10);
    assert_true(figures.ngaps >= 5);
    figures_free(&figures);
    fits_free(&fits);
}

static void test_without_gnuplot(void **state)
{
    (void)state;
    struct records r;
    struct fits fits;
    struct figures figures;
    page_records(&r);
    char *path = rb_strdup(getenv("PATH"));
    const struct page_input in = input_of(&r, &fits);
    const int saved = dup(2);
    setenv("PATH", "/nowhere", 1);
    assert_non_null(freopen("/dev/null", "wb", stderr));
    const int rc = plots_make(&figures, &in);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    setenv("PATH", path, 1);
    assert_int_equal(rc, RB_OK);
    assert_non_null(figures.missing);
    assert_non_null(strstr(figures.missing, "gnuplot is not installed"));
    for (size_t i = 0; i < figures.count; i++) {
        assert_false(figures.list[i].drawn);
        assert_true(exists(figures.list[i].name, ".gp"));
        assert_false(exists(figures.list[i].name, ".png")); /* an older picture does not pass for a new one */
    }
    free(path);
    figures_free(&figures);
    fits_free(&fits);
    records_free(&r);
}

/* Runs plots_make with a gnuplot that is this shell script, stderr thrown away. */
static void with_gnuplot(const char *script, struct figures *figures, const struct page_input *in)
{
    char *path = rb_strdup(getenv("PATH")), *program = rb_format("%s/gnuplot", folder), *other = rb_format("%s:%s", folder, path);
    FILE *f = fopen(program, "wb");
    fprintf(f, "#!/bin/sh\n%s\n", script);
    fclose(f);
    chmod(program, 0755);
    fflush(stderr);
    const int saved = dup(2);
    setenv("PATH", other, 1);
    assert_non_null(freopen("/dev/null", "wb", stderr));
    const int rc = plots_make(figures, in);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    setenv("PATH", path, 1);
    unlink(program);
    assert_int_equal(rc, RB_OK);
    free(other);
    free(program);
    free(path);
}

static void test_gnuplot_that_fails(void **state)
{
    (void)state;
    struct records r;
    struct fits fits;
    struct figures figures;
    page_records(&r);
    const struct page_input in = input_of(&r, &fits);
    with_gnuplot("echo; echo 'no such terminal'; echo more; exit 1", &figures, &in);
    assert_non_null(figures.missing);
    assert_non_null(strstr(figures.missing, "gnuplot failed: no such terminal (all of it in"));
    assert_null(strstr(figures.missing, "more"));
    figures_free(&figures);
    with_gnuplot("exit 3", &figures, &in);
    assert_string_equal(figures.missing, "gnuplot failed with status 3");
    figures_free(&figures);
    fits_free(&fits);
    records_free(&r);
}

/* One script that gnuplot refuses costs its own picture only. */
static void test_one_bad_script(void **state)
{
    (void)state;
    struct records r;
    struct fits fits;
    struct figures figures;
    page_records(&r);
    const struct page_input in = input_of(&r, &fits);
    with_gnuplot("for f; do case $f in ratio-all_reduce*) exit 1;; esac\n"
                 "for e in .svg -narrow.svg .png; do echo x >${f%.gp}$e; done; done",
                 &figures, &in);
    assert_non_null(figures.missing);
    for (size_t i = 0; i < figures.count; i++)
        assert_int_equal(figures.list[i].drawn, strcmp(figures.list[i].name, "ratio-all_reduce-2") != 0);
    figures_free(&figures);
    fits_free(&fits);
    records_free(&r);
}

static void add(struct records *r, const char *algorithm, const char *transport, bool in_place, uint64_t bytes)
{
    struct record_case c = { .collective = "all_reduce", .ranks = 2, .nodes = 1, .bytes = bytes, .in_place = in_place };
    strcpy(c.algorithm, algorithm);
    strcpy(c.transport, transport);
    c.time_us.median = 1;
    records_add_case(r, &c);
}

static void test_panels(void **state)
{
    (void)state;
    struct records r = {0};
    add(&r, "ring", "shm", false, 8);
    add(&r, "ring", "shm", true, 8);    /* stands out of place already */
    add(&r, "ring", "null", false, 8);  /* moves nothing */
    add(&r, "ring", "mpi", false, 1024);
    add(&r, "direct_one_shot", "shm", true, 8); /* only in place: a panel of its own */
    struct panels p;
    panels_make(&p, &r);
    assert_int_equal(p.count, 2);
    assert_int_equal(p.list[0].ncurves, 2);
    assert_true(p.list[0].several_transports);
    assert_int_equal(p.list[0].variants[1], 1);
    assert_true(p.list[0].low == 8 && p.list[0].high == 1024);
    assert_int_equal(p.dropped, 0);
    panels_free(&p);
    records_free(&r);
}

static void test_too_many_curves(void **state)
{
    (void)state;
    struct records r = {0};
    for (int i = 0; i < PANEL_CURVES + 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "ring%d", i);
        add(&r, name, "shm", false, 8);
    }
    struct panels p;
    panels_make(&p, &r);
    assert_int_equal(p.list[0].ncurves, PANEL_CURVES);
    assert_int_equal(p.list[0].dropped, 3);
    struct text caption = {0};
    panel_inputs(&caption, &p, &p.list[0]);
    assert_non_null(strstr(caption.chars, "3 more curves"));
    text_free(&caption);
    panels_free(&p);
    records_free(&r);
}

static void test_quote(void **state)
{
    (void)state;
    struct text t = {0};
    figure_quote(&t, "it's\n\"x\" \\n");
    assert_string_equal(t.chars, "'it''s\"x\" \\n'");
    text_free(&t);
}

static void test_axes(void **state)
{
    (void)state;
    struct figure f = {0};
    figure_size_axis(&f, "size", 8, 1 << 20);
    assert_non_null(strstr(f.settings.chars, "'16 B' 16"));
    assert_non_null(strstr(f.settings.chars, "'1 MiB' 1048576"));
    assert_null(strstr(f.settings.chars, "'1 GiB'"));
    text_free(&f.settings);
    text_free(&f.narrow);
    figure_log_axis(&f, 'y', "time", 0.5, 900);
    assert_non_null(strstr(f.settings.chars, "'100' 100"));
    assert_null(strstr(f.settings.chars, "'200' 200"));
    text_free(&f.settings);
    figure_log_axis(&f, 'y', "ratio", 0.5, 4);
    assert_non_null(strstr(f.settings.chars, "'0.5' 0.5"));
    text_free(&f.settings);
}

/* The same algorithm has the same colour everywhere; a second curve of its family can be told from the first. */
static void test_styles(void **state)
{
    (void)state;
    struct record_case ring = { .algorithm = "ring" }, other = { .algorithm = "something_new" }, mpi = { .algorithm = "ring", .baseline = "mpi" };
    assert_string_equal(figure_style(&ring, 0).colour, "#0072B2");
    assert_string_not_equal(figure_style(&mpi, 0).colour, figure_style(&ring, 0).colour);
    assert_non_null(figure_style(&other, 0).colour);
    assert_true(figure_style(&ring, 1).dash != figure_style(&ring, 0).dash && figure_style(&ring, 1).point != figure_style(&ring, 0).point);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures), cmocka_unit_test(test_reasons), cmocka_unit_test(test_without_gnuplot), cmocka_unit_test(test_gnuplot_that_fails),
        cmocka_unit_test(test_one_bad_script), cmocka_unit_test(test_panels),
        cmocka_unit_test(test_too_many_curves), cmocka_unit_test(test_quote), cmocka_unit_test(test_axes), cmocka_unit_test(test_styles),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
