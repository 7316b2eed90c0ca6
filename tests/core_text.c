/* Growing strings, nearest names, files as text, the one line of an error, and where data files are found. */
#include "core/clock.h"
#include "core/data_path.h"
#include "core/error.h"
#include "core/heartbeat.h"
#include "core/text.h"
#include "tests/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_string_grows(void **state)
{
    (void)state;
    struct text t = {0};
    for (int i = 0; i < 1000; i++)
        text_add(&t, "%d,", i % 10);
    assert_int_equal(t.length, 2000);
    assert_int_equal(strlen(t.chars), 2000);
    assert_string_equal(t.chars + 1990, "5,6,7,8,9,");
    text_add_bytes(&t, "\0x", 2);
    assert_int_equal(t.length, 2002);
    assert_int_equal(t.chars[2001], 'x');
    text_free(&t);
    assert_null(t.chars);
    assert_int_equal(t.length, 0);
}

static void memory_of_no_size(void **state)
{
    (void)state;
    void *p = rb_malloc(0), *q = rb_calloc(0, 8);
    assert_non_null(p);
    assert_non_null(q);
    p = rb_realloc(p, 0);
    assert_non_null(p);
    free(p);
    free(q);
    char *s = rb_format("%s-%d", "a", 7), *copy = rb_strdup(s);
    assert_string_equal(copy, "a-7");
    free(s);
    free(copy);
}

static void distances(void **state)
{
    (void)state;
    static const struct { const char *a, *b; size_t distance; } rows[] = {
        { "", "", 0 },         { "", "abc", 3 },       { "ring", "ring", 0 }, { "RING", "ring", 0 }, { "rnig", "ring", 1 },
        { "rin", "ring", 1 },  { "rings", "ring", 1 }, { "wing", "ring", 1 }, { "kitten", "sitting", 3 }, { "abcd", "badc", 2 },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        assert_int_equal(text_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(text_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}

static void nearest_name(void **state)
{
    (void)state;
    static const char *const names[] = { "all_reduce", "all_gather", "broadcast", "sum" };
    assert_string_equal(text_nearest("all_redcue", names, 4), "all_reduce");
    assert_string_equal(text_nearest("Broadcst", names, 4), "broadcast");
    assert_string_equal(text_nearest("sun", names, 4), "sum");
    assert_null(text_nearest("zzz", names, 4));
    assert_null(text_nearest("all_reduce", names, 0));
    assert_true(text_ends_with("a.json", ".json"));
    assert_false(text_ends_with("json", ".json"));
}

static void files_as_text(void **state)
{
    (void)state;
    char path[] = "/tmp/rb-core-text-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct text t;
    assert_int_equal(text_read_file(&t, path, 10), RB_OK);
    assert_string_equal(t.chars, ""); /* an empty file is an empty string, not NULL */
    text_free(&t);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    assert_int_equal(text_read_file(&t, path, 10), RB_OK);
    assert_int_equal(t.length, 10);
    text_free(&t);
    struct capture c;
    capture_begin(&c);
    assert_int_equal(text_read_file(&t, path, 9), RB_EUSAGE);
    assert_int_equal(text_read_file(&t, "/tmp", 9), RB_EUSAGE);
    assert_int_equal(text_read_file(&t, "/no/such/file", 9), RB_EUSAGE);
    const char *said = capture_end(&c);
    assert_int_equal(capture_lines(&c), 3);
    assert_non_null(strstr(said, "larger than 9 bytes"));
    assert_non_null(strstr(said, "/no/such/file: No such file"));
    close(fd);
    unlink(path);
}

static void an_error_is_one_line(void **state)
{
    (void)state;
    char long_text[5000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    struct capture c;
    capture_begin(&c);
    const int rc = rb_fail(RB_EDATA, "%d of %s", 3, "many");
    rb_warn("careful");
    rb_note("by the way");
    rb_quiet(true);
    rb_warn("not heard");
    rb_note("not heard");
    rb_fail(RB_EDATA, "always heard");
    rb_quiet(false);
    rb_fail(RB_EDATA, "%s", long_text);
    const char *said = capture_end(&c);
    assert_int_equal(rc, RB_EDATA);
    assert_int_equal(capture_lines(&c), 5);
    assert_ptr_equal(strstr(said, "ringbench: 3 of many\nringbench: warning: careful\nringbench: by the way\n"
                                  "ringbench: always heard\nringbench: xxx"), said);
    assert_null(strstr(said, "not heard"));
}

static void exit_codes_are_those_of_nccl_tests(void **state)
{
    (void)state;
    assert_int_equal(rb_exit_code(RB_OK), 0);
    assert_int_equal(rb_exit_code(RB_EINTERNAL), 1);
    assert_int_equal(rb_exit_code(RB_ETIMEOUT), 4);
    assert_int_equal(rb_exit_code(RB_ENOTIMPL), 5);
    assert_int_equal(rb_exit_code(RB_EUSAGE), 6);
    assert_int_equal(rb_exit_code(RB_EDATA), 7);
}

static void touch(const char *folder, const char *name)
{
    char *path = rb_format("%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    free(path);
}

static void data_files_are_found(void **state)
{
    (void)state;
    char folder[] = "/tmp/rb-core-data-XXXXXX", *path = NULL;
    assert_non_null(mkdtemp(folder));
    touch(folder, "own.csv");
    setenv("RINGBENCH_DATA", folder, 1);
    assert_int_equal(data_path("own.csv", &path), RB_OK);
    assert_ptr_equal(strstr(path, folder), path);
    assert_int_equal(access(path, R_OK), 0);
    struct capture c;
    capture_begin(&c);
    char *none = NULL;
    assert_int_equal(data_path("other.csv", &none), RB_EUSAGE);
    unsetenv("RINGBENCH_DATA");
    assert_int_equal(data_path("no-such-file.csv", &none), RB_EUSAGE);
    const char *said = capture_end(&c);
    assert_null(none);
    assert_int_equal(capture_lines(&c), 2);
    assert_non_null(strstr(said, "other.csv not found in RINGBENCH_DATA="));
    assert_non_null(strstr(said, "no-such-file.csv not found beside"));
    unlink(path);
    rmdir(folder);
    free(path);
}

static void time_goes_forward(void **state)
{
    (void)state;
    const uint64_t first = clock_ns();
    const double sec = clock_sec();
    const uint64_t last = clock_ns();
    assert_true(first <= last);
    assert_true(sec * 1e9 >= (double)first * 0.999999 && sec * 1e9 <= (double)last * 1.000001);
}

static void a_heartbeat_tells_its_phase(void **state)
{
    (void)state;
    struct heartbeat h;
    heartbeat_init(&h);
    assert_int_equal(sizeof h, 128);
    assert_int_equal(h.pid, getpid());
    assert_int_equal(h.case_id, -1);
    assert_int_equal(h.waits_for, -1);
    heartbeat_phase(&h, PHASE_TIME);
    heartbeat_beat(&h);
    assert_int_equal(h.beats, 2);
    assert_string_equal(heartbeat_phase_name(h.phase), "timing");
    for (int i = 0; i < PHASE_COUNT; i++)
        assert_non_null(heartbeat_phase_name(i));
    assert_string_equal(heartbeat_phase_name(-1), heartbeat_phase_name(PHASE_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_grows),
        cmocka_unit_test(memory_of_no_size),
        cmocka_unit_test(distances),
        cmocka_unit_test(nearest_name),
        cmocka_unit_test(files_as_text),
        cmocka_unit_test(an_error_is_one_line),
        cmocka_unit_test(exit_codes_are_those_of_nccl_tests),
        cmocka_unit_test(data_files_are_found),
        cmocka_unit_test(time_goes_forward),
        cmocka_unit_test(a_heartbeat_tells_its_phase),
    };
    return cmocka_run_group_tests_name("core_text", tests, NULL, NULL);
}
