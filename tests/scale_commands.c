/* The commands of this folder as a user calls them: what they print, what they refuse. */
#include "core/error.h"
#include "core/text.h"
#include "scale/draw.h"
#include "scale/plan_command.h"
#include "scale/simulate_command.h"
#include "tests/temporary_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A line of words; what it printed is in the file. */
static int call(int (*command)(int, char **), const char *line)
{
    char *words = strdup(line), *rest = words, *argv[32];
    int argc = 0;
    for (char *word; argc < 31 && (word = strsep(&rest, " ")) != NULL;)
        argv[argc++] = word;
    argv[argc] = NULL;
    fflush(stdout);
    const int keep = dup(STDOUT_FILENO), keep_errors = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w", stdout));
    dup2(fileno(stdout), STDERR_FILENO);
    const int rc = command(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(keep, STDOUT_FILENO);
    dup2(keep_errors, STDERR_FILENO);
    close(keep);
    close(keep_errors);
    free(words);
    return rc;
}

static void expect(int (*command)(int, char **), const char *line, int rc, const char *part)
{
    struct text t = {0};
    const int got = call(command, line);
    assert_int_equal(text_read_file(&t, path, 1 << 24), RB_OK);
    if (got != rc || t.chars == NULL || strstr(t.chars, part) == NULL)
        fail_msg("%s: wanted %d and '%s', got %d and: %.600s", line, rc, part, got, t.chars != NULL ? t.chars : "nothing");
    text_free(&t);
}

static void test_simulate(void **state)
{
    (void)state;
    expect(simulate_command, "simulate --help", RB_OK, "oversubscription");
    expect(simulate_command, "simulate --list", RB_OK, "pod-H800");
    expect(simulate_command, "simulate --algorithm list", RB_OK, "two_level_all_reduce");
    expect(simulate_command, "simulate --cluster 8xH800 -b 1G -e 1G", RB_OK, "busiest link");
    expect(simulate_command, "simulate --cluster 8xH800 -b 1G -e 1G --format csv", RB_OK, "ring_all_reduce,8,1073741824,");
    expect(simulate_command, "simulate --cluster 8xH800 -b 1G -e 1G --format json", RB_OK, "\"busbw_GBps\"");
    expect(simulate_command, "simulate --cluster 4x8xH100 --algorithm ring_all_reduce,tree_all_reduce -b 1K -e 1M", RB_OK, "fast");
    expect(simulate_command, "simulate --cluster 4x8xH100 --nic 10GbE --slow-gpu 1:0.5 --placement scattered --oversubscription 2", RB_OK, "10GbE");
    expect(simulate_command, "simulate --cluster 8x8xH100 -b 1M -e 1M --output /dev/null", RB_OK, "ring_all_reduce");
    expect(simulate_command, "simulate --agreement", RB_OK, "median |error|");
    expect(simulate_command, "simulate --cluster 4x8xH100 --algorithm tree_all_reduce", RB_OK, "pass whole messages on");
    expect(simulate_command, "simulate --study scaling -n 16", RB_OK, "trees: in 16 pieces");
}

static void test_refused(void **state)
{
    (void)state;
    expect(simulate_command, "simulate", RB_EUSAGE, "needs --cluster");
    expect(simulate_command, "simulate --cluster 8xH800 --algorithm ring_all_reduc", RB_EUSAGE, "ring_all_reduce");
    expect(simulate_command, "simulate --cluster 8xH800 -n 9", RB_EUSAGE, "has 8 GPUs");
    expect(simulate_command, "simulate --cluster 8xH800 --root 8", RB_EUSAGE, "ranks are 0 to 7");
    expect(simulate_command, "simulate --cluster 8xH800 --algorithm parameter_server_dedicated --servers 8", RB_EUSAGE, "takes 1 to 7");
    expect(simulate_command, "simulate --cluster 8xH800 -b 4M -e 1M", RB_EUSAGE, "the smallest size is above the largest");
    expect(simulate_command, "simulate --cluster 8xH800 -b 2", RB_EUSAGE, "sizes go from");
    expect(simulate_command, "simulate --cluster 8xH800 --keep /tmp/x", RB_EUSAGE, "the files are SimGrid's");
    expect(simulate_command, "simulate --study scaling --engine simgrid", RB_EUSAGE, "--engine: --study brings its own");
    expect(simulate_command, "simulate --agreement --cluster 8xH800", RB_EUSAGE, "--cluster: --agreement brings its own");
    expect(simulate_command, "simulate --study slow -n 4", RB_EUSAGE, "no case of so few GPUs");
    expect(simulate_command, "simulate --study training -n 4", RB_EUSAGE, "no case of so few GPUs");
    expect(simulate_command, "simulate --cluster 2048x8xH100 --algorithm parameter_server_dedicated --servers 1000", RB_EUSAGE, "connections at once");
    expect(simulate_command, "simulate --cluster 3072xA100 --oversubscription 4 --algorithm direct_alltoall", RB_EUSAGE, "connections at once");
    expect(simulate_command, "simulate --cluster 2048x8xH100 --algorithm ring_all_reduce --every-rank", RB_EUSAGE, "(--every-rank)");
    expect(simulate_command, "simulate --cluster 8xH800 --output /nowhere/file", RB_EUSAGE, "/nowhere/file");
    expect(simulate_command, "simulate --cluster 2048x8xH100 --algorithm direct_alltoall --slow-gpu 1:0.5", RB_EUSAGE, "played one by one");
    expect(plan_command, "plan", RB_EUSAGE, "needs --cluster");
    expect(plan_command, "plan --cluster 8xH100 --model llama-9", RB_EUSAGE, "llama");
    expect(plan_command, "plan --cluster 8xH100 --batch 0.5", RB_EUSAGE, "sequences are whole");
    expect(plan_command, "plan --cluster 8xH10000", RB_EUSAGE, "no such model");
    expect(plan_command, "plan --cluster 8xH100 --split 3", RB_EUSAGE, "not TENSORxPIPELINExDATA");
    expect(plan_command, "plan --cluster 8xH100 --split 3x1x1", RB_EUSAGE, "3 x tensor does not divide the 64 heads of llama-2-70b");
    expect(plan_command, "plan --cluster 8xH100 --split 8x1x999999", RB_EUSAGE, "not TENSORxPIPELINExDATA");
    expect(plan_command, "plan --cluster 8xH100 --split 1x99x1", RB_EUSAGE, "99 x pipeline is more than the 80 layers");
    expect(plan_command, "plan --cluster 2x4xH100 --split 16x1x1", RB_EUSAGE, "that is 16 GPUs; tensor x pipeline x data must be all 8");
    expect(plan_command, "plan --cluster 6xH800 --split 4x1x1", RB_EUSAGE, "4 x tensor neither divides the 6 GPUs of a node");
    expect(plan_command, "plan --cluster 3072xA100 --model gpt-3-175b --split 8x64x3", RB_EUSAGE, "that is 1536 GPUs, not 3072; 8x64x6 takes all");
    expect(plan_command, "plan --cluster 3072xA100 --model gpt-3-175b --split 8x64x6", RB_EUSAGE, "do not divide 2048 sequences a step; --batch 1536 would do");
    expect(plan_command, "plan --cluster 8xH100 --seq 0.5", RB_EUSAGE, "tokens are whole");
    expect(plan_command, "plan --cluster 8xH100 --model llama-2", RB_EUSAGE, "fits several models: llama-2-7b, llama-2-13b, llama-2-70b");
    expect(plan_command, "plan --cluster 8xH100 --model llama-3-4", RB_EUSAGE, "did you mean llama-3-405b");
}

static void test_plan(void **state)
{
    (void)state;
    expect(plan_command, "plan --help", RB_OK, "--model");
    expect(plan_command, "plan --cluster 128x8xH100", RB_OK, "bubble");
    expect(plan_command, "plan --cluster 3072xA100 --model gpt-3-175b --split 8x12x32 --batch 1536", RB_OK, "asked for");
    expect(plan_command, "plan --cluster 2x8x4090", RB_OK, "no split fits");
    expect(plan_command, "plan --cluster 8xH800", RB_OK, "more than 14 such GPUs hold together");
    expect(plan_command, "plan --cluster 1xH100 --model llama-2-7b", RB_OK, "more than 1 such GPU holds");
    expect(plan_command, "plan --cluster 128x8xH100 --split 8x2x64", RB_OK, "asked for");
    expect(plan_command, "plan --cluster 3072xA100 --model gpt-3-175b --split 8x64x6 --batch 1536", RB_OK, "asked for");
    expect(plan_command, "plan --cluster 1xB200 --model gpt-2-1.5b --batch 1", RB_OK, "1 sequence of 1024 tokens");
    expect(plan_command, "plan --cluster 1xB200 --model gpt-2-1.5b --batch 1", RB_OK, "1 micro-batch of 1,");
    expect(plan_command, "plan --cluster 8xB200 --model gpt-2-1.5b --seq 10000000", RB_OK, "1 sequence of 1e+07 tokens");
    expect(plan_command, "plan --cluster 256x8x4090", RB_OK, "without what is computed twice");
    expect(plan_command, "plan --cluster desktop-4090-10G", RB_OK, "exposed: 14.3 s hand-over");
    expect(plan_command, "plan --cluster 16x8xH800 --seq 8192 --tflops 500 --no-zero --rows 2 --format csv", RB_OK, "tensor,pipeline,data");
}

static void test_studies(void **state)
{
    (void)state;
    expect(simulate_command, "simulate --study training --output /dev/null", RB_OK, "2048x4090");
    expect(simulate_command, "simulate --study incast -n 256", RB_OK, "parameter_server");
    expect(simulate_command, "simulate --study scaling -n 256", RB_OK, "keeps half of its");
    expect(simulate_command, "simulate --study scaling -n 64", RB_OK, "scaling, as many servers as nodes");
    expect(simulate_command, "simulate --study slow -n 128 --format json", RB_OK, "slow_node 0.1");
    expect(simulate_command, "simulate --study oversubscription --format csv", RB_OK, "oversubscription scattered 8");
    expect(simulate_command, "simulate --study gpus", RB_OK, "H800 SXM 80GB");
    expect(simulate_command, "simulate --study nothing", RB_EUSAGE, "training");
}

static void test_drawn(void **state)
{
    (void)state;
    static const char *const clusters[] = { "8xH800", "4x4090", "16x8xH100", "torus-H100", "2048x4090", "NVL72", "tests/clusters/tree.cluster" };
    for (size_t i = 0; i < RB_LEN(clusters); i++)
        for (size_t k = 0; draw_formats[k] != NULL; k++) {
            char line[120];
            snprintf(line, sizeof line, "simulate --cluster %s --draw %s", clusters[i], draw_formats[k]);
            expect(simulate_command, line, RB_OK, strcmp(draw_formats[k], "dot") == 0 ? "graph" : strcmp(draw_formats[k], "json") == 0 ? "{" : "GPU");
        }
    expect(draw_topo_command, "topo --cluster 8xH800", RB_OK, "H800");
    expect(draw_topo_command, "topo --cluster 8xH8000", RB_EUSAGE, "H8000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simulate), cmocka_unit_test(test_refused), cmocka_unit_test(test_plan),
        cmocka_unit_test(test_studies),  cmocka_unit_test(test_drawn),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
