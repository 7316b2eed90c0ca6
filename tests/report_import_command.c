/* `ringbench import`: every output is whole, and records go through records_read() like our own. */
#include "report/import.h"

#include "core/error.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char *out, *err;
static char out_path[64], err_path[64];

static int open_capture(char path[64], const char *pattern)
{
    strcpy(path, pattern);
    const int file = mkstemp(path);
    assert_true(file >= 0);
    return file;
}

static char *close_capture(int fd, int saved, int file, const char *path)
{
    dup2(saved, fd);
    close(saved);
    close(file);
    struct text t;
    assert_int_equal(text_read_file(&t, path, 8 << 20), RB_OK);
    return t.chars;
}

/* The words are split at blanks. */
static int run(const char *words)
{
    char *copy = rb_strdup(words), *at = copy, *argv[16] = {0};
    int argc = 0;
    for (char *word; argc < 15 && (word = strsep(&at, " ")) != NULL;)
        argv[argc++] = word;
    free(out);
    free(err);
    fflush(stdout);
    const int files[2] = { open_capture(out_path, "/tmp/ringbench-out-XXXXXX"), open_capture(err_path, "/tmp/ringbench-err-XXXXXX") };
    const int saved[2] = { dup(1), dup(2) };
    dup2(files[0], 1);
    dup2(files[1], 2);
    const int rc = import_command(argc, argv);
    fflush(stdout);
    out = close_capture(1, saved[0], files[0], out_path);
    err = close_capture(2, saved[1], files[1], err_path);
    unlink(err_path);
    free(copy);
    return rc;
}

static size_t count_lines(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += *s == '\n';
    return n;
}

static void test_jsonl(void **state)
{
    (void)state;
    assert_int_equal(run("import tests/logs/nccl-2.19.json tests/logs/p2p.txt"), 0);
    assert_string_equal(err, "");
    assert_int_equal(count_lines(out), 1 + 2 + 7 + 22);
    struct records r;
    assert_int_equal(records_read(&r, out_path, false), RB_OK);
    assert_int_equal(r.ncases, 7);
    assert_int_equal(r.cases[0].nsamples, 5);
    assert_string_equal(r.cases[0].evidence, "imported");
    assert_string_equal(r.cases[0].baseline, "nccl");
    records_free(&r);
    unlink(out_path);
}

static void test_json(void **state)
{
    (void)state;
    assert_int_equal(run("import --format json tests/logs/nccl-2.13-srun-labels.txt tests/logs/topo.txt"), 0);
    unlink(out_path);
    json_t *j = json_loads(out, 0, NULL);
    assert_non_null(j);
    assert_int_equal(json_array_size(json_object_get(j, "sources")), 2);
    assert_int_equal(json_array_size(json_object_get(j, "cases")), 10);
    assert_int_equal(json_array_size(json_object_get(j, "links")), 20);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(j, "links"), 0), "path")), "NV8");
    json_decref(j);
}

static void test_tables(void **state)
{
    (void)state;
    assert_int_equal(run("import --format table tests/logs/nccl-2.13-srun-labels.txt"), 0);
    unlink(out_path);
    assert_non_null(strstr(out, "nccl-2.13-srun-labels"));
    assert_int_equal(run("import --format csv tests/logs/nccl-2.13-srun-labels.txt"), 0);
    unlink(out_path);
    assert_int_equal(count_lines(out), 11);
    assert_int_equal(strncmp(out, "collective,", 11), 0);
    assert_int_equal(run("import --format csv tests/logs/topo.txt"), 0);
    unlink(out_path);
    assert_int_equal(count_lines(out), 21);
    assert_int_equal(run("import --format table --show links tests/logs/nvlink-status.txt"), 0);
    unlink(out_path);
    assert_non_null(strstr(out, "26.56"));
    assert_int_equal(run("import --format table --show cases tests/logs/latency.csv"), 0);
    unlink(out_path);
    assert_non_null(strstr(out, "alltoall"));
}

static void test_usage(void **state)
{
    (void)state;
    static const struct {
        const char *words, *part;
        int rc;
    } rows[] = {
        { "import", "which files?", 6 },
        { "import --format yaml x", "one of jsonl, table", 6 },
        { "import --formt csv x", "did you mean --format?", 6 },
        { "import --format published tests/logs/topo.txt", "--output DIR", 6 },
        { "import tests/logs/topo.txt tests/report_import.c", "not a log that is known", 6 },
        { "import --ranks 0 tests/logs/topo.txt", "--ranks", 6 },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        assert_int_equal(run(rows[i].words), rows[i].rc);
        unlink(out_path);
        if (rows[i].rc != 0 && (strstr(err, rows[i].part) == NULL || count_lines(err) != 1 || out[0] != '\0'))
            fail_msg("%s: %s%s", rows[i].words, err, out);
    }
    assert_int_equal(run("import --help"), 0);
    unlink(out_path);
    assert_non_null(strstr(out, "nvlink-status"));
}

static int free_output(void **state)
{
    (void)state;
    free(out);
    free(err);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, free_output);
}
