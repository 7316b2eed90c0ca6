/* Published logs, when a folder of them is at hand (RINGBENCH_LOGS, else ../shared/data/logs): every file imports with every row.
 * The cases are twice the lines that begin with a size (once where a table has one placement only), the links the cells of the
 * matrices but for the diagonals that hold no figure. */
#include "report/import.h"

#include "core/error.h"
#include "core/text.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const char *file;
    size_t sources, cases, links;
} logs[] = {
    { "a100-80gb-pcie_4gpu_nvlink-bridge-pairs_all_gather_malaya.txt", 2, 2, 12 },
    { "a100-sxm4-40gb_16gpu_2node_rdma_all_reduce_oci-1G.txt", 1, 4, 0 },
    { "a100-sxm4-40gb_16gpu_2node_rdma_all_reduce_oci-8B-8G.txt", 1, 62, 0 },
    { "a100-sxm4-40gb_16gpu_2node_rdma_all_reduce_oci-nccl2.29.3.txt", 1, 8, 0 },
    { "a100-sxm4-40gb_8gpu_nvlink_all_gather_superbenchmark.txt", 1, 68, 0 },
    { "a100-sxm4-40gb_8gpu_nvlink_all_reduce_superbenchmark.txt", 1, 68, 0 },
    { "a100-sxm4-40gb_8gpu_nvlink_alltoall_superbenchmark.txt", 1, 68, 0 },
    { "a100-sxm4-40gb_8gpu_nvlink_broadcast_superbenchmark.txt", 1, 68, 0 },
    { "a100-sxm4-40gb_8gpu_nvlink_reduce_scatter_superbenchmark.txt", 1, 68, 0 },
    { "a100-sxm4-40gb_8gpu_nvlink_reduce_superbenchmark.txt", 1, 68, 0 },
    { "a100-sxm4-80gb_4gpu_nvlink_all_reduce_sheffield.txt", 1, 50, 0 },
    { "a100-sxm_4gpu_nvlink_all_reduce.txt", 1, 8, 0 },
    { "a100-sxm_8gpu_nvlink_all_reduce_stas00.txt", 1, 20, 0 },
    { "a100-sxm_8gpu_p2pBandwidthLatencyTest_stas00.txt", 1, 0, 64 },
    { "a100-sxm_8gpu_topo-m_stas00.txt", 1, 0, 56 },
    { "a100_8gpu_nvlink_sendrecv_liplus.txt", 1, 8, 0 },
    { "a40_2gpu_node-nop2p_all_reduce.txt", 1, 8, 0 },
    { "a40_4gpu_sys-nop2p_all_reduce.txt", 1, 8, 0 },
    { "a800-sxm4_8gpu_topo-m_llm-action.txt", 1, 0, 132 },
    { "b200_16gpu_2node_roce_all_gather_dranet.txt", 1, 48, 0 },
    { "b200_16gpu_2node_roce_all_reduce.txt", 1, 12, 0 },
    { "b200_2gpu_2node_roce_all_gather_nvidia-dranet.txt", 1, 56, 0 },
    { "b200_2gpu_nvlink_all_gather_nvidia-dranet.txt", 1, 16, 0 },
    { "b200_8gpu_topo-m_dranet.txt", 1, 0, 240 },
    { "gb200_1440gpu_20rack_all_reduce_coreweave.txt", 1, 12, 0 },
    { "gb200_144gpu_2rack_all_reduce_coreweave.txt", 1, 12, 0 },
    { "gb200_72gpu_nvl72_all_reduce_coreweave.txt", 1, 10, 0 },
    { "gh200_1gpu_c2c_nvbandwidth-v0.6_superbenchmark.txt", 1, 0, 21 },
    { "gh200_2gpu_2node_slingshot_all_reduce_cscs-nccl2.30.7.txt", 1, 16, 0 },
    { "gh200_8gpu_2node_slingshot_all_reduce_cscs.txt", 1, 50, 0 },
    { "gh200_8gpu_2node_tcp-no-cxi_all_reduce_cscs.txt", 1, 50, 0 },
    { "h100-a3high_16gpu_2node_tcpx_all_gather_gcp.txt", 1, 20, 0 },
    { "h100-a3mega_16gpu_2node_tcpxo_all_gather_gcp.txt", 1, 62, 0 },
    { "h100-a3mega_16gpu_2node_tcpxo_all_reduce_ztan.txt", 1, 62, 0 },
    { "h100-nvl_4gpu_2node_slingshot_all_reduce_nccl2441-bad.txt", 1, 22, 0 },
    { "h100-p5.48xlarge_16gpu_2node_efa_all_reduce_aws-eks.txt", 1, 14, 0 },
    { "h100-p5.48xlarge_8gpu_nvlink_all_reduce_aws-batch.txt", 1, 64, 0 },
    { "h100-sxm_16gpu_2node_ib_all_reduce-ring_nccltests290.txt", 1, 22, 0 },
    { "h100-sxm_16gpu_2node_ib_all_reduce_nccltests290.txt", 1, 22, 0 },
    { "h100-sxm_8gpu_nvlink_all_reduce_nccltests290.txt", 1, 12, 0 },
    { "h100-sxm_8gpu_topo-m_stas00.txt", 1, 0, 56 },
    { "h100_64gpu-example_ib-sharp_all_reduce_coreweave.txt", 1, 10, 0 },
    { "h100pcie-a100pcie_2gpu_2node_roce_all_reduce.txt", 1, 7, 0 },
    { "h20-3e_4gpu_2node_roce_alltoall_nccltests321.txt", 1, 26, 0 },
    { "h20-3e_8gpu_topo-m_nccltests321.txt", 1, 0, 120 },
    { "h200_16gpu_2node_all_reduce.txt", 1, 10, 0 },
    { "h200_16gpu_2node_roce-bf3_all_reduce.txt", 1, 50, 0 },
    { "h200_2gpu_2node_roce_all_gather_dranet-demo.txt", 1, 48, 0 },
    { "h200_2gpu_2node_roce_all_reduce_dranet-mpi-operator.txt", 1, 48, 0 },
    { "h20_8gpu_nvlink_all_reduce_nccltests306-interleaved.txt", 2, 48, 0 },
    { "h20_8gpu_nvlink_all_reduce_nccltests306-run2.txt", 1, 24, 0 },
    { "h800-or-a800_8gpu_topo-m_llm-action.txt", 1, 0, 88 },
    { "h800-sxm_8gpu_nvidia-smi-nvlink-status_llm-action.txt", 1, 0, 24 },
    { "h800-sxm_8gpu_nvlink_broadcast.txt", 1, 60, 0 },
    { "h800-sxm_8gpu_nvlink_nvbandwidth-v0.2_llm-action.txt", 1, 0, 624 },
    { "l40s_2gpu_2node_tcp_all_reduce.txt", 1, 62, 0 },
    { "rtx3090_4gpu_pcie-nop2p_p2pBandwidthLatencyTest.txt", 1, 0, 108 },
    { "rtx4090_2gpu_pcie-nop2p_all_reduce_kalavai_docker.txt", 1, 58, 0 },
    { "rtx4090_2gpu_pcie-nop2p_all_reduce_kalavai_k8s.txt", 1, 58, 0 },
    { "rtx4090_4gpu_p2p-patched_all_reduce.txt", 1, 42, 0 },
    { "rtx4090_4gpu_pcie-nop2p_all_reduce_kalavai_docker.txt", 1, 58, 0 },
    { "rtx4090_4gpu_pcie-nop2p_all_reduce_kalavai_k8s.txt", 1, 58, 0 },
    { "rtx4090_6gpu_p2p-patched_all_reduce_tinygrad.txt", 1, 2, 0 },
    { "rtx4090_6gpu_p2p-patched_p2pBandwidthLatencyTest_tinygrad.txt", 1, 0, 36 },
    { "rtx4090_8gpu_p2p-patched_p2pBandwidthLatencyTest.txt", 1, 0, 192 },
    { "rtx4090_8gpu_pcie-nop2p_p2pBandwidthLatencyTest.txt", 1, 0, 376 },
    { "rtx6000ada_2gpu_pcie_p2pBandwidthLatencyTest.txt", 1, 0, 34 },
    { "unknown-8gpu_nvbandwidth-d2d-write-ce_readme.txt", 1, 0, 56 },
    { "v100-class_4gpu_nvlink-partial_p2pBandwidthLatencyTest.txt", 2, 0, 180 },
    { "v100-pcie-32gb_4gpu_pcie_all_reduce_sheffield-b.txt", 1, 50, 0 },
    { "v100-pcie-32gb_4gpu_pcie_all_reduce_sheffield-nccl2.4.2.txt", 1, 50, 0 },
    { "v100-pcie-32gb_4gpu_pcie_all_reduce_sheffield-nccl2.8.3.txt", 1, 50, 0 },
    { "v100-sxm2-16gb_4gpu_2node_ib_alltoall_nigsc.txt", 1, 54, 0 },
    { "v100-sxm2-16gb_4gpu_all_reduce.txt", 1, 58, 0 },
    { "v100-sxm2-16gb_8gpu_nvlink_all_reduce.txt", 1, 2, 0 },
    { "v100-sxm2-16gb_8gpu_topo-m.txt", 1, 0, 56 },
};

static const char *folder(void)
{
    const char *named = getenv("RINGBENCH_LOGS");
    return named != NULL ? named : "../shared/data/logs";
}

static void test_every_log(void **state)
{
    (void)state;
    if (access(folder(), R_OK) != 0) {
        print_message("no folder of published logs (%s)\n", folder());
        skip();
    }
    rb_quiet(true);
    for (size_t i = 0; i < RB_LEN(logs); i++) {
        struct import im = {0};
        char *path = rb_format("%s/%s", folder(), logs[i].file);
        const int rc = import_file(&im, path);
        if (rc != RB_OK || im.nsources != logs[i].sources || im.records.ncases != logs[i].cases || im.nlinks != logs[i].links)
            fail_msg("%s: %d, %zu sources, %zu cases, %zu links", path, rc, im.nsources, im.records.ncases, im.nlinks);
        free(path);
        import_free(&im);
    }
}

/* The figures that are shipped are those of the logs. */
static void test_published_is_current(void **state)
{
    (void)state;
    if (access(folder(), R_OK) != 0) {
        print_message("no folder of published logs (%s)\n", folder());
        skip();
    }
    setenv("RINGBENCH_DATA", "report/data", 1);
    struct import shipped = {0};
    assert_int_equal(published_load(&shipped), RB_OK);
    for (size_t i = 0; i < shipped.nsources; i++) {
        const struct import_source *s = &shipped.sources[i];
        char *path = rb_format("%s/%s.txt", folder(), s->name);
        struct import im = {0};
        if (access(path, R_OK) == 0) {
            assert_int_equal(import_file(&im, path), RB_OK);
            assert_int_equal(im.sources[0].ncases, s->ncases);
            assert_int_equal(im.sources[0].nlinks, s->nlinks);
            assert_string_equal(im.sources[0].gpu, s->gpu);
            for (size_t k = 0; k < s->ncases; k++)
                assert_true(im.records.cases[k].time_us.median > 0.999999 * shipped.records.cases[s->first_case + k].time_us.median &&
                            im.records.cases[k].time_us.median < 1.000001 * shipped.records.cases[s->first_case + k].time_us.median);
        }
        free(path);
        import_free(&im);
    }
    import_free(&shipped);
}

/* Inputs that a fuzzer once broke something with, also where there is no fuzzer: refused or read, never worse. */
static void test_saved_inputs(void **state)
{
    (void)state;
    DIR *d = opendir("tests/fuzz/corpus/import");
    assert_non_null(d);
    size_t n = 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        struct import im = {0};
        char *path = rb_format("tests/fuzz/corpus/import/%s", e->d_name);
        const int rc = import_file(&im, path);
        assert_true(rc == RB_OK || (rc == RB_EUSAGE && im.nsources == 0));
        free(path);
        import_free(&im);
        n++;
    }
    closedir(d);
    assert_true(n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_log),
        cmocka_unit_test(test_published_is_current),
        cmocka_unit_test(test_saved_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
