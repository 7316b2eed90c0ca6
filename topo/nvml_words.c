/* What the library's numbers mean. */
#include "topo/nvml.h"

#include "core/error.h"
#include "topo/pcie_rate.h"

#include <math.h>
#include <string.h>

const char *nvml_error_name(int result)
{
    static const struct {
        int result;
        const char *name;
    } names[] = {
        { NVML_INVALID_ARGUMENT, "invalid argument" },
        { NVML_NOT_SUPPORTED, "not supported" },
        { NVML_NO_PERMISSION, "no permission" },
        { NVML_NOT_FOUND, "not found" },
        { NVML_DRIVER_NOT_LOADED, "the driver is not loaded" },
        { 10, "timeout" },
        { NVML_FUNCTION_NOT_FOUND, "the library has no such function" },
        { 14, "damaged infoROM" },
        { NVML_GPU_IS_LOST, "GPU is lost; it needs a reset or a reboot" },
        { 16, "GPU needs a reset" },
        { 17, "blocked by the operating system" },
        { NVML_VERSION_MISMATCH, "driver and library are of different versions; reboot, or load the driver anew" },
        { 20, "out of memory" },
        { 27, "not ready" },
        { NVML_UNKNOWN, "unknown error" },
    };
    for (size_t i = 0; i < RB_LEN(names); i++)
        if (names[i].result == result)
            return names[i].name;
    return "error without a name here";
}

static const struct {
    const char *word, *meaning;
} statuses[] = {
    { "OK", "yes" },
    { "CNS", "the chipset does not support it" },
    { "GNS", "the GPU does not support it" },
    { "TNS", "the topology does not support it" },
    { "DR", "disabled by a registry key" },
    { "NS", "not supported" },
    { "U", "the driver does not know" },
};

const char *nvml_p2p_word(int status)
{
    return status >= 0 && status < (int)RB_LEN(statuses) ? statuses[status].word : "?";
}

const char *nvml_p2p_meaning(int status)
{
    return status >= 0 && status < (int)RB_LEN(statuses) ? statuses[status].meaning : "not told";
}

/* nvmlNvlinkVersion_t: a count of versions, in which 5 is NVLink 3.1, not 5. */
double nvml_link_generation(int version)
{
    static const double generations[] = { 0, 1, 2, 2.2, 3, 3.1, 4, 5, 6 };
    return version > 0 && version < (int)RB_LEN(generations) ? generations[version] : 0;
}

/* What nvidia-smi nvlink -s shows, beside the datasheet's rate of a link: 300 GB/s of six for the V100, 900 of 18 for the H100, 1800
 * of 18 for Blackwell, both directions. The other generations show the datasheet's. */
static const struct {
    double raw, GBps;
} coded[] = { { 25.78125, 25 }, { 26.5625, 25 }, { 53.125, 50 } };

double nvml_link_GBps(const struct nvml_link *link)
{
    for (size_t i = 0; i < RB_LEN(coded); i++)
        if (fabs(link->raw_GBps - coded[i].raw) < 0.01)
            return coded[i].GBps;
    return link->raw_GBps;
}

double nvml_pcie_GBps(struct nvml_pcie link)
{
    static const double GTps[] = { 0, 2.5, 5, 8, 16, 32, 64 };
    if (link.generation < 1 || link.generation >= (int)RB_LEN(GTps))
        return 0;
    return pcie_GBps(GTps[link.generation], link.width);
}

/* In MIG mode a GPU's instances reach no other GPU. */
bool nvml_link_is_usable(const struct nvml_gpu *gpu, int link)
{
    return gpu->mig != 1 && (gpu->links[link].state == NVML_LINK_UP || gpu->links[link].state == NVML_LINK_SLEEPS);
}

int nvml_links_up(const struct nvml_gpu *gpu)
{
    int n = 0;
    for (int l = 0; l < gpu->nlinks; l++)
        n += gpu->links[l].state == NVML_LINK_UP || gpu->links[l].state == NVML_LINK_SLEEPS;
    return n;
}
