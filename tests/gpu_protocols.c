/* The table of protocols as it is read, and what a communicator takes by it. */
#include "collectives/device/protocols.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/capture.h"
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "gpu,link,ranks,algorithm,up_to_bytes,protocol,source\n"

static char folder[] = "/tmp/gpu-protocols-XXXXXX";

static void write_table(const char *rows)
{
    char *path = rb_format("%s/gpu_protocols.csv", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, HEAD "%s", rows);
    fclose(f);
    free(path);
}

static int read_table(struct protocol_rules *rules, const char *gpu, const char *link, int nranks)
{
    char *path = rb_format("%s/gpu_protocols.csv", folder);
    const int rc = protocols_read(rules, path, gpu, link, nranks);
    free(path);
    return rc;
}

static void test_read(void **state)
{
    (void)state;
    struct protocol_rules rules;
    write_table("H200,one_gpu,2,ring,8K,ll,made\nH200,one_gpu,2,ring,,slots,made\n"
                "H200,one_gpu,8,ring,64K,ll,made\nH200,one_gpu,8,ring,4M,ll128,made\nH200,one_gpu,8,ring,,direct,made\n"
                "H200,peer,8,ring,,slots,made\nH100,one_gpu,8,ring,,ll,made\n");
    assert_int_equal(read_table(&rules, "NVIDIA H200", "one_gpu", 8), RB_OK);
    assert_int_equal(rules.count, 3);
    assert_int_equal(protocols_find(&rules, "ring", 65536), PROTOCOL_LL);
    assert_int_equal(protocols_find(&rules, "ring", 65537), PROTOCOL_LL128);
    assert_int_equal(protocols_find(&rules, "ring", UINT64_C(1) << 40), PROTOCOL_DIRECT);
    assert_int_equal(protocols_find(&rules, "direct_one_shot", 8), PROTOCOL_AUTO);
    assert_int_equal(read_table(&rules, "NVIDIA H200", "one_gpu", 3), RB_OK); /* 2 is nearer than 8 */
    assert_int_equal(rules.count, 2);
    assert_int_equal(protocols_find(&rules, "ring", 8192), PROTOCOL_LL);
    assert_int_equal(protocols_find(&rules, "ring", 8193), PROTOCOL_SLOTS);
    assert_int_equal(read_table(&rules, "NVIDIA H200", "staged", 8), RB_OK);
    assert_int_equal(rules.count, 0);
    assert_int_equal(read_table(&rules, "NVIDIA B200", "one_gpu", 8), RB_OK);
    assert_int_equal(rules.count, 0);
}

static void assert_damaged(const char *row, const char *part)
{
    struct protocol_rules rules;
    struct capture c;
    write_table(row);
    capture_begin(&c);
    const int rc = read_table(&rules, "NVIDIA H200", "peer", 2);
    capture_end(&c);
    assert_int_equal(rc, RB_EUSAGE);
    assert_int_equal(capture_lines(&c), 1);
    if (strstr(c.text, part) == NULL)
        fail_msg("'%s' is missing from: %s", part, c.text);
}

static void test_damaged(void **state)
{
    (void)state;
    assert_damaged("H200,peer,2,ring,,fast,made\n", ":2:6: protocol: 'fast' is no protocol");
    assert_damaged("H200,peer,none,ring,,ll,made\n", ":2:3: ranks: 'none': a number of ranks");
    assert_damaged("H200,peer,2,ring,many,ll,made\n", ":2:5: up_to_bytes: 'many': bytes");
}

struct want {
    uint64_t count;
    const char *protocol;
};

/* What auto takes on the simulated GPU. */
static int choose(struct job *job, void *context)
{
    static const struct want wants[] = { { 256, "slots" }, { 1024, "ll" }, { 1 << 16, "ll128" }, { 1 << 20, "direct" } };
    const struct comm_config config = { .transport = "cuda_peer", .ranks_per_gpu = 2, .channels = 2, .slots = 2, .slot_bytes = 512, .gpu_threads = 8, .yield = true };
    struct comm *comm;
    int wrong = 0;
    (void)context;
    if (comm_open(&comm, job, &config) != RB_OK)
        return 50;
    for (size_t i = 0; i < RB_LEN(wants); i++) {
        struct operation *op;
        const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 }, .count = wants[i].count, .type = TYPE_FLOAT };
        if (comm_prepare(comm, &call, &op) != RB_OK)
            return 51;
        if (strcmp(operation_facts(op)->protocol, wants[i].protocol) != 0) {
            fprintf(stderr, "%llu elements by %s, not %s\n", (unsigned long long)wants[i].count, operation_facts(op)->protocol, wants[i].protocol);
            wrong++;
        }
        operation_free(op);
    }
    comm_close(comm);
    return wrong;
}

static void test_chosen(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    setenv("RINGBENCH_DATA", folder, 1);
    write_table("simulated GPU,one_gpu,2,ring,1K,slots,made\nsimulated GPU,one_gpu,2,ring,4K,ll,made\nsimulated GPU,one_gpu,2,ring,1M,ll128,made\n"
                "simulated GPU,one_gpu,2,ring,,direct,made\n");
    assert_int_equal(ranks_as_processes(2, choose, NULL), 0);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_read), cmocka_unit_test(test_damaged), cmocka_unit_test(test_chosen) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char *path = rb_format("%s/gpu_protocols.csv", folder);
    unlink(path);
    rmdir(folder);
    free(path);
    return failed;
}
