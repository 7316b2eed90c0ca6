#include "topo/nvml_api.h"

#include "core/error.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* The name without a number comes with the compatibility link of a development package only. */
static const char system_library[] = "libnvidia-ml.so.1";

#define ROW(member, ...) { offsetof(struct nvml_api, member), { __VA_ARGS__, NULL } }

/* Newest version of a function first. */
static const struct row {
    size_t offset;
    const char *symbols[4];
} needed[] = {
    ROW(init, "nvmlInit_v2", "nvmlInit"),
    ROW(shutdown, "nvmlShutdown"),
    ROW(count, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"),
    ROW(by_index, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"),
    ROW(pci, "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"),
}, wanted[] = {
    ROW(driver, "nvmlSystemGetDriverVersion"),
    ROW(version, "nvmlSystemGetNVMLVersion"),
    ROW(cuda, "nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"),
    ROW(name, "nvmlDeviceGetName"),
    ROW(uuid, "nvmlDeviceGetUUID"),
    ROW(memory, "nvmlDeviceGetMemoryInfo"),
    ROW(capability, "nvmlDeviceGetCudaComputeCapability"),
    ROW(clock_max, "nvmlDeviceGetMaxClockInfo"),
    ROW(power_limit, "nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetPowerManagementLimit"),
    ROW(pcie_generation, "nvmlDeviceGetCurrPcieLinkGeneration"),
    ROW(pcie_width, "nvmlDeviceGetCurrPcieLinkWidth"),
    ROW(pcie_generation_max, "nvmlDeviceGetMaxPcieLinkGeneration"),
    ROW(pcie_width_max, "nvmlDeviceGetMaxPcieLinkWidth"),
    ROW(fields, "nvmlDeviceGetFieldValues"),
    ROW(link_state, "nvmlDeviceGetNvLinkState"),
    ROW(link_version, "nvmlDeviceGetNvLinkVersion"),
    ROW(link_capability, "nvmlDeviceGetNvLinkCapability"),
    ROW(link_remote, "nvmlDeviceGetNvLinkRemotePciInfo_v2", "nvmlDeviceGetNvLinkRemotePciInfo"),
    ROW(link_remote_type, "nvmlDeviceGetNvLinkRemoteDeviceType"),
    ROW(p2p, "nvmlDeviceGetP2PStatus"),
    ROW(ancestor, "nvmlDeviceGetTopologyCommonAncestor"),
    ROW(fabric, "nvmlDeviceGetGpuFabricInfoV"),
    ROW(mig_mode, "nvmlDeviceGetMigMode"),
    ROW(mig_max, "nvmlDeviceGetMaxMigDeviceCount"),
    ROW(mig_by_index, "nvmlDeviceGetMigDeviceHandleByIndex"),
};

static bool find(struct nvml_api *api, const struct row *row)
{
    void *at = NULL;
    for (size_t i = 0; at == NULL && row->symbols[i] != NULL; i++)
        at = dlsym(api->library, row->symbols[i]);
    memcpy((char *)api + row->offset, &at, sizeof at);
    return at != NULL;
}

bool nvml_api_open(struct nvml_api *api, const char *file, char *why, size_t why_size)
{
    *api = (struct nvml_api){ .library = dlopen(file != NULL ? file : system_library, RTLD_NOW | RTLD_LOCAL) };
    if (api->library == NULL && file != NULL) {
        snprintf(why, why_size, "%s", dlerror());
        return false;
    }
    if (api->library == NULL) {
        snprintf(why, why_size, "%s of the NVIDIA driver is not there", system_library);
        return false;
    }
    for (size_t i = 0; i < RB_LEN(needed); i++)
        if (!find(api, &needed[i])) {
            snprintf(why, why_size, "%s has no %s", file != NULL ? file : system_library, needed[i].symbols[0]);
            nvml_api_close(api);
            return false;
        }
    for (size_t i = 0; i < RB_LEN(wanted); i++)
        find(api, &wanted[i]);
    return true;
}

void nvml_api_close(struct nvml_api *api)
{
    dlclose(api->library);
    api->library = NULL;
}
