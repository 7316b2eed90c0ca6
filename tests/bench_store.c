/* results.jsonl while it grows: nothing measured is lost, resuming goes on where a run was cut off. */
#include "bench/store.h"

#include "core/error.h"
#include "core/text.h"
#include "tests/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(struct settings *s, char **words, int n)
{
    bool help;
    return settings_parse(s, n, words, &help);
}

static struct settings settings_of(const char *output, bool resume)
{
    char *words[] = { (char[]){ "run" }, (char[]){ "--resume" } };
    struct settings s;
    assert_int_equal(parse(&s, words, resume ? 2 : 1), RB_OK);
    s.output = output;
    return s;
}

static struct record_case example(uint64_t bytes)
{
    struct record_case c = { .collective = "all_reduce", .algorithm = "ring", .transport = "shm", .protocol = "slots", .evidence = "measured",
                             .type = "float", .op = "sum", .ranks = 2, .nodes = 1, .root = -1, .bytes = bytes, .count = bytes / 4, .wrong = 0,
                             .time_us = { 10, 9, 12, 13, 9.9, 10.1, 0.1, 2 }, .stopped = "precise" };
    c.samples_us = malloc(2 * sizeof *c.samples_us);
    c.samples_us[0] = 9;
    c.samples_us[1] = 11;
    c.nsamples = 2;
    return c;
}

static void add(struct store *s, uint64_t bytes)
{
    struct record_case c = example(bytes);
    assert_int_equal(store_add_case(s, &c), RB_OK);
    assert_null(c.samples_us);
}

static void add_run(struct store *s, const struct settings *settings)
{
    json_t *run = json_pack("{s:o}", "settings", settings_json(settings));
    assert_int_equal(store_add_run(s, run), RB_OK);
    json_decref(run);
}

static bool has(const struct store *s, uint64_t bytes)
{
    struct record_case name = example(bytes);
    free(name.samples_us);
    name.samples_us = NULL;
    name.protocol[0] = '\0'; /* auto: not known before it is measured */
    return store_find(s, &name) != NULL;
}

/* A folder below the test's own; the caller frees. */
static char *output_of(const char *name)
{
    return rb_format("%s/%s/deep", folder, name);
}

static void test_records_are_there_at_once(void **state)
{
    (void)state;
    char *output = output_of("once"), *path = rb_format("%s/results.jsonl", output);
    const struct settings settings = settings_of(output, false);
    struct store *s;
    assert_int_equal(store_open(&s, &settings), RB_OK);
    add_run(s, &settings);
    add(s, 64);
    struct records r;
    assert_int_equal(records_read(&r, path, false), RB_OK); /* before the store is closed: a killed run looks like this */
    assert_int_equal(r.ncases, 1);
    assert_int_equal(r.cases[0].nsamples, 2);
    records_free(&r);
    assert_true(has(s, 64));
    assert_false(has(s, 128));
    store_close(s);
    free(path);
    free(output);
}

static void test_resume_after_half_a_line(void **state)
{
    (void)state;
    char *output = output_of("resume"), *path = rb_format("%s/results.jsonl", output);
    const struct settings settings = settings_of(output, false), again = settings_of(output, true);
    struct store *s;
    assert_int_equal(store_open(&s, &settings), RB_OK);
    add_run(s, &settings);
    add(s, 64);
    store_close(s);
    FILE *f = fopen(path, "a");
    fputs("{\"schema\":1,\"kind\":\"case\",\"coll", f);
    fclose(f);
    rb_mute(true);
    assert_int_equal(store_open(&s, &again), RB_OK);
    assert_true(has(s, 64));
    add(s, 128);
    store_close(s);
    struct records r;
    assert_int_equal(records_read(&r, path, false), RB_OK);
    rb_mute(false);
    assert_int_equal(r.ncases, 2);
    records_free(&r);
    free(path);
    free(output);
}

static void test_other_settings_are_not_resumed(void **state)
{
    (void)state;
    char *output = output_of("other");
    const struct settings settings = settings_of(output, false);
    struct settings again = settings_of(output, true);
    struct store *s;
    assert_int_equal(store_open(&s, &settings), RB_OK);
    add_run(s, &settings);
    add(s, 64);
    store_close(s);
    again.precision = 0.5;
    rb_mute(true);
    assert_int_equal(store_open(&s, &again), RB_EUSAGE);
    rb_mute(false);
    again.precision = settings.precision;
    again.max_bytes = 1 << 30; /* more sizes are no other way to measure */
    assert_int_equal(store_open(&s, &again), RB_OK);
    store_close(s);
    free(output);
}

static void test_old_results_are_set_aside(void **state)
{
    (void)state;
    char *output = output_of("aside"), *previous = rb_format("%s/results.previous.jsonl", output);
    const struct settings settings = settings_of(output, false);
    struct store *s;
    assert_int_equal(store_open(&s, &settings), RB_OK);
    add_run(s, &settings);
    add(s, 64);
    store_close(s);
    for (int run = 0; run < 2; run++) { /* the second finds a file without results: it must not take the place of the first */
        rb_mute(true);
        assert_int_equal(store_open(&s, &settings), RB_OK);
        add_run(s, &settings);
        rb_mute(false);
        assert_false(has(s, 64));
        store_close(s);
        struct records r;
        assert_int_equal(records_read(&r, previous, false), RB_OK);
        assert_int_equal(r.ncases, 1);
        records_free(&r);
    }
    free(previous);
    free(output);
}

static void test_a_run_that_fails_at_once_touches_nothing(void **state)
{
    (void)state;
    char *output = output_of("untouched"), *path = rb_format("%s/results.jsonl", output);
    const struct settings settings = settings_of(output, false);
    struct store *s;
    assert_int_equal(store_open(&s, &settings), RB_OK);
    add_run(s, &settings);
    add(s, 64);
    store_close(s);
    assert_int_equal(store_open(&s, &settings), RB_OK);
    store_close(s);
    struct records r;
    assert_int_equal(records_read(&r, path, false), RB_OK);
    assert_int_equal(r.ncases, 1);
    records_free(&r);
    free(path);
    free(output);
}

static void test_what_cannot_be_written_is_said_first(void **state)
{
    (void)state;
    char *file = rb_format("%s/file", folder), *below = rb_format("%s/file/x", folder);
    fclose(fopen(file, "w"));
    struct settings settings = settings_of(below, false);
    struct store *s;
    rb_mute(true);
    assert_int_equal(store_open(&s, &settings), RB_EUSAGE);
    settings.output = folder;
    settings.file = "/nowhere/x.json";
    assert_int_equal(store_open(&s, &settings), RB_EUSAGE);
    rb_mute(false);
    free(file);
    free(below);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_there_at_once),
        cmocka_unit_test(test_resume_after_half_a_line),
        cmocka_unit_test(test_other_settings_are_not_resumed),
        cmocka_unit_test(test_old_results_are_set_aside),
        cmocka_unit_test(test_a_run_that_fails_at_once_touches_nothing),
        cmocka_unit_test(test_what_cannot_be_written_is_said_first),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
