/* The catalogue: shipped files, names as people write them, a user's file over ours, and files that are damaged. */
#include "core/error.h"
#include "report/catalogue.h"
#include "tests/capture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static bool unknown(double v)
{
    return v != v;
}

static int load(void **state)
{
    static struct catalogue c;
    *state = &c;
    return catalogue_load(&c, NULL) == RB_OK ? 0 : -1;
}

static int unload(void **state)
{
    catalogue_free(*state);
    return 0;
}

static void the_shipped_files_are_whole(void **state)
{
    const struct catalogue *c = *state;
    assert_int_equal(c->ngpus, 40);
    assert_int_equal(c->nnics, 19);
    assert_int_equal(c->npcies, 19);
    assert_int_equal(c->ngemms, 113);
    for (size_t i = 0; i < c->ngpus; i++) {
        const struct gpu *g = &c->gpus[i];
        assert_true(g->source[0] != '\0');
        assert_false(unknown(gpu_dense16(g).value));
        if (!unknown(g->links.value) && fabs(g->links.value * g->link_GBps.value / g->unidir_GBps.value - 1) > 0.001)
            fail_msg("%s: %g links of %g are not %g GB/s", g->model, g->links.value, g->link_GBps.value, g->unidir_GBps.value);
        if (!unknown(g->bidir_GBps.value) && fabs(g->bidir_GBps.value / g->unidir_GBps.value - 2) > 0.001)
            fail_msg("%s: both directions are not twice one", g->model);
        if (g->per_peer_GBps.value > g->unidir_GBps.value)
            fail_msg("%s: more to one peer than to all", g->model);
        if (gpu_effective_GBps(g) > g->unidir_GBps.value)
            fail_msg("%s: effective above nominal", g->model);
    }
}

static void the_figures_that_everybody_confuses_are_apart(void **state)
{
    const struct catalogue *c = *state;
    const struct gpu *h800 = catalogue_match_gpu(c, "h800"), *mi300 = catalogue_match_gpu(c, "MI300X"), *rtx = catalogue_match_gpu(c, "4090");
    const struct gpu *a100 = catalogue_match_gpu(c, "a100"), *nvl = catalogue_match_gpu(c, "h200 nvl");
    assert_true(h800->unidir_GBps.value == 200 && h800->bidir_GBps.value == 400 && h800->links.value == 8);
    assert_true(fabs(gpu_effective_GBps(h800) - 164.8) < 1e-9);
    assert_true(h800->tdp_W.weak && !h800->unidir_GBps.weak);
    assert_true(mi300->per_peer_GBps.value == 64 && mi300->unidir_GBps.value == 448);
    assert_true(nvl->per_peer_GBps.value == 150 && nvl->max_gpus.value == 4);
    assert_true(rtx->dense_bf16_tflops.value == 165.2 && rtx->fp16_fp16acc_tflops.value == 330.3);
    assert_true(a100->dense_bf16_tflops.value == 312 && a100->sparse_bf16_tflops.value == 624);
    assert_false(gpu_has_link(rtx));
}

static void names_match_as_people_write_them(void **state)
{
    const struct catalogue *c = *state;
    static const struct {
        const char *query, *model;
    } rows[] = {
        { "h800", "H800 SXM 80GB" },
        { "H800 SXM", "H800 SXM 80GB" },
        { "NVIDIA H800", "H800 SXM 80GB" },
        { "H800 PCIe", "H800 PCIe 80GB" },
        { "NVIDIA H100 80GB HBM3", "H100 SXM 80GB" },
        { "NVIDIA H100 PCIe", "H100 PCIe 80GB" },
        { "NVIDIA A100-SXM4-40GB", "A100 SXM 40GB" },
        { "NVIDIA A100-SXM4-80GB", "A100 SXM 80GB" },
        { "NVIDIA A100 80GB PCIe", "A100 PCIe 80GB" },
        { "A100-PCIE-40GB", "A100 PCIe 40GB" },
        { "Tesla V100-SXM2-16GB", "V100 SXM2 16GB" },
        { "NVIDIA GeForce RTX 4090", "RTX 4090" },
        { "rtx4090", "RTX 4090" },
        { "4090", "RTX 4090" },
        { "NVIDIA H20", "H20 96GB" },
        { "NVIDIA H20-3e", "H20-3e 141GB" },
        { "NVIDIA H200", "H200 SXM 141GB" },
        { "AMD Instinct MI300X", "MI300X" },
        { "b200", "B200" },
        { "GB200", "GB200 (per GPU)" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        const struct gpu *g = catalogue_match_gpu(c, rows[i].query);
        if (g == NULL || strcmp(g->model, rows[i].model) != 0)
            fail_msg("'%s' -> %s", rows[i].query, g != NULL ? g->model : "nothing");
    }
}

static void doubt_and_typos_answer_with_candidates(void **state)
{
    const struct catalogue *c = *state;
    static const struct {
        const char *query, *message;
    } rows[] = {
        { "H100 80GB", "fits several models: \"H100 PCIe 80GB\", \"H100 SXM 80GB\"" },
        { "A100 40GB", "fits several models" },
        { "h8000", "no such model; the nearest are \"H800 SXM 80GB\"" },
        { "RTX 4091", "the nearest are \"RTX 4090\"" },
        { "", "no such model" },
        { "nvidia", "no such model" },
        { "\x01\xff\xfe", "no such model" },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct capture said;
        const struct gpu *g = NULL;
        capture_begin(&said);
        const int rc = catalogue_find_gpu(c, NULL, rows[i].query, &g);
        capture_end(&said);
        assert_int_equal(rc, RB_EUSAGE);
        assert_null(g);
        assert_int_equal(capture_lines(&said), 1);
        if (strstr(said.text, rows[i].message) == NULL)
            fail_msg("'%s' is not in: %s", rows[i].message, said.text);
    }
}

static void cards_match_too(void **state)
{
    const struct catalogue *c = *state;
    const struct nic *n;
    struct capture said;
    assert_int_equal(catalogue_find_nic(c, NULL, "connectx-7 ndr", &n), RB_OK);
    assert_true(n->unidir_GBps.value == 50 && n->measured_GBps.value == 48.5);
    capture_begin(&said);
    assert_int_equal(catalogue_find_nic(c, NULL, "connectx-7", &n), RB_EUSAGE);
    assert_int_equal(catalogue_find_nic(c, NULL, "token ring", &n), RB_EUSAGE);
    capture_end(&said);
    assert_non_null(strstr(said.text, "fits several"));
    assert_non_null(strstr(said.text, "no such card"));
}

static void the_best_measured_rate_is_found(void **state)
{
    const struct catalogue *c = *state;
    const struct gemm *h100 = catalogue_gemm(c, catalogue_match_gpu(c, "H100 SXM"), "bf16");
    assert_true(h100 != NULL && h100->measured_tflops.value == 821.2);
    assert_null(catalogue_gemm(c, catalogue_match_gpu(c, "H800 SXM"), "bf16")); /* only fp8 was published */
    assert_true(catalogue_pcie_typical(c, 4) == 26 && catalogue_pcie_typical(c, 5) == 55);
    assert_true(unknown(catalogue_pcie_typical(c, 6)) && unknown(catalogue_pcie_typical(c, 1)));
}

#define HEAD "model,dense_bf16_tflops,dense_fp16_tflops,memory_GB,memory_GBps,scaleup_link,scaleup_unidir_GBps,scaleup_per_peer_GBps," \
             "scaleup_max_gpus,pcie_unidir_GBps,source"
#define X100 "X100,100,100,10,1000,NVLink,400,400,8,63,me"

static void a_users_file_is_merged_by_name(void **state)
{
    (void)state;
    static const char mine[] = HEAD "\nh800 sxm 80gb,,,,,,450?,,,,\n" X100 "\n";
    struct catalogue c;
    assert_int_equal(catalogue_load(&c, NULL), RB_OK);
    assert_int_equal(catalogue_merge_text(&c, "mine.csv", mine, sizeof mine - 1), RB_OK);
    assert_int_equal(c.ngpus, 41);
    const struct gpu *h800 = catalogue_match_gpu(&c, "h800");
    assert_true(h800->unidir_GBps.value == 450 && h800->unidir_GBps.weak);
    assert_true(h800->dense_bf16_tflops.value == 989); /* an empty cell replaces nothing */
    assert_true(catalogue_match_gpu(&c, "x100")->memory_GB.value == 10);
    catalogue_free(&c);
    assert_int_equal(c.ngpus, 0);
}

static void damaged_files_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        { HEAD "\n" X100 "\n" X100 "\n", "t.csv:3:1: model: the same GPU model as on line 2" },
        { HEAD "\n" X100 "\nx100,1,1,1,1,n,1,1,1,1,me\n", "t.csv:3:1: model: the same" },
        { HEAD "\nX100,nan,100,10,1000,NVLink,400,400,8,63,me\n", "t.csv:2:2: dense_bf16_tflops: 'nan' is no finite number" },
        { HEAD "\nX100,inf,100,10,1000,NVLink,400,400,8,63,me\n", "t.csv:2:2:" },
        { HEAD "\nX100,-5,100,10,1000,NVLink,400,400,8,63,me\n", "t.csv:2:2: dense_bf16_tflops: -5: must be above 0" },
        { HEAD "\nX100,0,100,10,1000,NVLink,400,400,8,63,me\n", "must be above 0" },
        { HEAD "\nX100,100 TFLOPS,100,10,1000,NVLink,400,400,8,63,me\n", "the unit belongs in the column's name" },
        { HEAD "\nX100,1??,100,10,1000,NVLink,400,400,8,63,me\n", "no finite number" },
        { HEAD "\n,100,100,10,1000,NVLink,400,400,8,63,me\n", "t.csv:2:1: model: empty" },
        { HEAD "\nX100,100\n", "t.csv:2: 2 cells where the header has 11" },
        { "model,scaleup_unidir\nX100,1\n", "no column of a GPU model file is called 'scaleup_unidir'; did you mean 'scaleup_unidir_GBps'" },
        { "model,scaleup_unidir_GBps\nX100,1\n", "needs the column 'dense_bf16_tflops'" },
        { "model,model,scaleup_unidir_GBps\nX,X,1\n", "the column 'model' is there twice" },
        { "colour,taste\nred,sweet\n", "not a catalogue" },
        { "", "empty" },
        { "# only a comment\n", "empty" },
    };
    struct catalogue c = {0};
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct capture said;
        capture_begin(&said);
        const int rc = catalogue_merge_text(&c, "t.csv", rows[i].text, strlen(rows[i].text));
        capture_end(&said);
        assert_int_equal(rc, RB_EUSAGE);
        assert_int_equal(capture_lines(&said), 1);
        if (strstr(said.text, rows[i].message) == NULL)
            fail_msg("row %zu: '%s' is not in: %s", i, rows[i].message, said.text);
    }
    catalogue_free(&c);
}

static void links_that_do_not_add_up_are_doubted(void **state)
{
    (void)state;
    static const char mine[] = HEAD "\nh800 sxm 80gb,,,,,,400,450,,,\n";
    char path[] = "/tmp/catalogue-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, mine, sizeof mine - 1), (ssize_t)sizeof mine - 1);
    close(fd);
    struct catalogue c = {0};
    struct capture said;
    capture_begin(&said);
    assert_int_equal(catalogue_load(&c, path), RB_OK);
    capture_end(&said);
    unlink(path);
    assert_int_equal(capture_lines(&said), 3);
    assert_non_null(strstr(said.text, "8 links of 25 GB/s are not scaleup_unidir_GBps 400"));
    assert_non_null(strstr(said.text, "scaleup_bidir_GBps 400 is not twice"));
    assert_non_null(strstr(said.text, "more than all links"));
    catalogue_free(&c);
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    struct catalogue c = {0};
    struct capture said;
    capture_begin(&said);
    assert_int_equal(catalogue_load(&c, "/nonexistent/mine.csv"), RB_EUSAGE);
    capture_end(&said);
    assert_non_null(strstr(said.text, "/nonexistent/mine.csv"));
    assert_int_equal(c.ngpus, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_files_are_whole),
        cmocka_unit_test(the_figures_that_everybody_confuses_are_apart),
        cmocka_unit_test(names_match_as_people_write_them),
        cmocka_unit_test(doubt_and_typos_answer_with_candidates),
        cmocka_unit_test(cards_match_too),
        cmocka_unit_test(the_best_measured_rate_is_found),
        cmocka_unit_test(a_users_file_is_merged_by_name),
        cmocka_unit_test(damaged_files_are_refused_with_their_place),
        cmocka_unit_test(links_that_do_not_add_up_are_doubted),
        cmocka_unit_test(a_file_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
