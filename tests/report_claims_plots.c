/* The plots that need the catalogue: each is drawn, has its inputs in the caption, and its script names no absolute path. */
#include "core/error.h"
#include "core/text.h"
#include "report/fit.h"
#include "report/limits.h"
#include "report/plots.h"
#include "tests/capture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char *const wanted[] = { "limits", "efficiency", "roofline", "published", "tokens", "cost", "claims" };

static bool has_gnuplot(void)
{
    return system("gnuplot --version >/dev/null 2>&1") == 0;
}

static void remove_folder(const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char *path = rb_format("%s/%s", folder, e->d_name);
        unlink(path);
        free(path);
    }
    if (d != NULL)
        closedir(d);
    rmdir(folder);
}

static void check_figure(const struct figure *f, const char *folder)
{
    char *path = rb_format("%s/plots/%s.gp", folder, f->name);
    struct text script;
    assert_true(f->caption.length > 0 && strstr(f->caption.chars, "Inputs: ") != NULL);
    assert_int_equal(text_read_file(&script, path, 1 << 20), RB_OK);
    assert_null(strstr(script.chars, folder));
    assert_null(strstr(script.chars, "nan"));
    if (has_gnuplot() && !f->drawn)
        fail_msg("%s is not drawn", f->name);
    text_free(&script);
    free(path);
}

static void every_plot_of_the_catalogue(void **state)
{
    (void)state;
    char folder[] = "/tmp/plots-XXXXXX";
    struct catalogue c;
    struct limit_settings s;
    struct limits l;
    struct records r = {0};
    struct fits fits;
    struct figures figures;
    struct capture said;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(catalogue_load(&c, NULL), RB_OK);
    assert_int_equal(limits_defaults(&s), RB_OK);
    assert_int_equal(limits_prepare(&s), RB_OK);
    assert_int_equal(limits_make(&l, &s, &c, NULL), RB_OK);
    fits_make(&fits, &r);
    const struct page_input in = { .records = &r, .fits = &fits, .output = folder, .gpus = &c, .limits = &l, .limit_settings = &s };
    capture_begin(&said); /* without gnuplot: a warning */
    assert_int_equal(plots_make(&figures, &in), RB_OK);
    capture_end(&said);
    for (size_t w = 0; w < RB_LEN(wanted); w++) {
        size_t found = 0;
        for (size_t i = 0; i < figures.count; i++)
            found += strcmp(figures.list[i].plot->name, wanted[w]) == 0;
        if (found == 0)
            fail_msg("no figure of %s", wanted[w]);
    }
    for (size_t i = 0; i < figures.count; i++)
        check_figure(&figures.list[i], folder);
    figures_free(&figures);
    fits_free(&fits);
    limits_free(&l);
    catalogue_free(&c);
    char *plots = rb_format("%s/plots", folder);
    remove_folder(plots);
    rmdir(folder);
    free(plots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plot_of_the_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
