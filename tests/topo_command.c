/* `ringbench topo`: what it prints in each format, and its refusals. */
#include "topo/topo_command.h"

#include "core/error.h"
#include "core/text.h"
#include "tests/capture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MACHINES "tests/topologies/"

enum { ARGS_MAX = 8 };

/* Runs the command with its stdout in *out, which the caller frees. */
static int run(struct text *out, const char *const *args)
{
    char *argv[ARGS_MAX] = { NULL };
    int argc = 0;
    for (; args[argc] != NULL; argc++)
        argv[argc] = rb_strdup(args[argc]);
    char path[] = "/tmp/topo_out_XXXXXX";
    const int fd = mkstemp(path), was = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    const int rc = topo_command(argc, argv);
    fflush(stdout);
    dup2(was, STDOUT_FILENO);
    close(fd);
    close(was);
    assert_int_equal(text_read_file(out, path, 1 << 24), RB_OK);
    remove(path);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return rc;
}

#define RUN(out, ...) run(out, (const char *const[]){ "topo", __VA_ARGS__, NULL })

static void must_hold(const struct text *out, const char *part)
{
    if (strstr(out->chars, part) == NULL)
        fail_msg("'%s' is missing from:\n%s", part, out->chars);
}

static void test_table(void **state)
{
    (void)state;
    struct text out = { 0 };
    assert_int_equal(RUN(&out, "--topology", MACHINES "eight_gpus.xml"), RB_OK);
    must_hold(&out, "hwloc XML " MACHINES "eight_gpus.xml: 2 packages, 2 NUMA nodes, 96 cores, 8 GPUs (NV8), 8 NICs\n");
    must_hold(&out, "  GPU - GPU      NV8     28 pairs  200 GB/s, queried; NCCL's model plans with 164.8\n");
    must_hold(&out, "\nRing order that maximises the slowest hop (NV8, 200 GB/s, queried)\n  GPU0 > GPU1 > GPU2 >");
    must_hold(&out, "\n  rank 4    core 48 (cpu 96-97)  node 1\n");
    must_hold(&out, "\n  PIX   at most one PCIe switch\n");
    assert_null(strstr(out.chars, " \n")); /* no trailing blanks */
    text_free(&out);
    assert_int_equal(RUN(&out, "--topology", MACHINES "one_socket.xml", "--ranks", "9"), RB_OK);
    must_hold(&out, "Binding of 9 ranks\n  rank 0    core 0 (cpu 0), one thread: 2 ranks on this core  node 0\n");
    text_free(&out);
}

static void test_this_machine(void **state)
{
    (void)state;
    struct text out = { 0 };
    assert_int_equal(run(&out, (const char *const[]){ "topo", NULL }), RB_OK);
    must_hold(&out, "this machine: ");
    must_hold(&out, "one core copies");
    must_hold(&out, "rank 0 ");
    text_free(&out);
}

static void test_json(void **state)
{
    (void)state;
    static const char *const files[] = { MACHINES "one_socket.xml", MACHINES "eight_gpus.xml", MACHINES "smi_h20_no_nic_rows.txt" };
    static const size_t ends[] = { 10, 18, 16 };
    for (size_t i = 0; i < RB_LEN(files); i++) {
        struct text out = { 0 };
        json_error_t where;
        assert_int_equal(RUN(&out, "--topology", files[i], "--format", "json"), RB_OK);
        json_t *o = json_loads(out.chars, 0, &where);
        assert_non_null(o);
        assert_string_equal(json_string_value(json_object_get(o, "file")), files[i]);
        assert_int_equal(json_array_size(json_object_get(o, "ends")), ends[i]);
        assert_int_equal(json_array_size(json_object_get(o, "paths")), ends[i] * (ends[i] - 1) / 2);
        assert_int_equal(json_array_size(json_object_get(json_object_get(o, "ring"), "order")), 8);
        assert_int_equal(json_array_size(json_object_get(o, "binding")), i == 2 ? 0 : 8);
        json_decref(o);
        text_free(&out);
    }
}

/* Graphviz itself is the judge where it is installed. */
static void judge_dot(const struct text *out)
{
    char path[] = "/tmp/topo_dot_XXXXXX";
    const int fd = mkstemp(path);
    assert_int_equal(write(fd, out->chars, out->length), out->length);
    close(fd);
    char *command = rb_format("dot -Tsvg -o /dev/null %s 2>/dev/null", path);
    const int rc = system("command -v dot >/dev/null 2>&1") == 0 ? system(command) : 0;
    free(command);
    remove(path);
    assert_int_equal(rc, 0);
}

static void test_dot(void **state)
{
    (void)state;
    static const char *const files[] = {
        MACHINES "two_sockets.xml", MACHINES "eight_gpus.xml", MACHINES "switch_cascade.xml", MACHINES "laptop.xml",
        MACHINES "smi_v100_cube_mesh.txt", MACHINES "smi_a800_four_nics.txt",
    };
    for (size_t i = 0; i < RB_LEN(files); i++) {
        struct text out = { 0 };
        assert_int_equal(RUN(&out, "--topology", files[i], "--format=dot"), RB_OK);
        must_hold(&out, "graph topology {\n");
        must_hold(&out, "GPU0");
        judge_dot(&out);
        text_free(&out);
    }
}

static void test_gpu(void **state)
{
    (void)state;
    struct text out = { 0 };
    assert_int_equal(RUN(&out, "--topology", MACHINES "smi_a800_four_nics.txt", "--gpu", "H800"), RB_OK);
    must_hold(&out, "200 GB/s, catalogue; NCCL's model plans with 164.8"); /* the same links, another generation */
    text_free(&out);
}

static void test_help(void **state)
{
    (void)state;
    struct text out = { 0 };
    assert_int_equal(RUN(&out, "--help"), RB_OK);
    must_hold(&out, "usage: ringbench topo [options]");
    must_hold(&out, "--topology");
    text_free(&out);
}

static void test_refused(void **state)
{
    (void)state;
    const struct { const char *args[4]; const char *part; } rows[] = {
        { { "topo", "--format", "jsn", NULL }, "did you mean json?" },
        { { "topo", "--topolgy", "x", NULL }, "did you mean --topology?" },
        { { "topo", "--topology", "/nowhere/x.xml", NULL }, "/nowhere/x.xml: No such file" },
        { { "topo", "--ranks", "-1", NULL }, "not a whole number" },
        { { "topo", "stray", NULL }, "'stray'" },
        { { "topo", "--gpu", "H80O", NULL }, "did you mean H800?" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct text out = { 0 };
        struct capture c;
        capture_begin(&c);
        const int rc = run(&out, rows[i].args);
        capture_end(&c);
        assert_int_equal(rb_exit_code(rc), 6);
        assert_int_equal(capture_lines(&c), 1);
        assert_non_null(strstr(c.text, rows[i].part));
        assert_int_equal(out.length, 0);
        text_free(&out);
    }
}

/* A text tells no cores: asked for a binding, that is said before anything is printed. */
static void test_no_binding_from_text(void **state)
{
    (void)state;
    struct text out = { 0 };
    struct capture c;
    capture_begin(&c);
    const int rc = RUN(&out, "--topology", MACHINES "smi_h100_nvswitch.txt", "--ranks", "2");
    capture_end(&c);
    assert_int_equal(rc, RB_EUSAGE);
    assert_non_null(strstr(c.text, "tells no cores to bind ranks to"));
    assert_int_equal(out.length, 0);
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_this_machine), cmocka_unit_test(test_json),
        cmocka_unit_test(test_dot),   cmocka_unit_test(test_gpu),          cmocka_unit_test(test_help),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_no_binding_from_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
