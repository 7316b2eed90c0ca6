/* A stand-in for the GPU driver's library: its functions, answered from a record (answers.h). With -DNVML_OLD the newer functions
 * are left out, as in an old driver's library. */
#include "tests/nvml/answers.h"
#include "topo/nvml_api.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { LINE_MAX_CHARS = ANSWER_CHARS, GPUS_MAX = 64, ARGUMENT_VERSION_MISMATCH = 25 };

/* A handle is its place here: GPUs, then sixteen instances for each. */
static char handles[GPUS_MAX * (1 + NVML_MIG_MAX)];

static int number_of(const struct nvml_handle *h)
{
    return (int)((const char *)h - handles);
}

/* "gpu 3 link 5 state", or "gpu 3 mig 0 name" of an instance. */
static const char *key_of(char key[LINE_MAX_CHARS], const struct nvml_handle *h, const char *rest)
{
    const int n = number_of(h), instance = n / GPUS_MAX - 1;
    if (instance < 0)
        snprintf(key, LINE_MAX_CHARS, "gpu %d %s", n, rest);
    else
        snprintf(key, LINE_MAX_CHARS, "gpu %d mig %d %s", n % GPUS_MAX, instance, rest);
    return key;
}

static const char *link_key(char key[LINE_MAX_CHARS], const struct nvml_handle *h, unsigned link, const char *what)
{
    snprintf(key, LINE_MAX_CHARS, "gpu %d link %u %s", number_of(h), link, what);
    return key;
}

static int ask_unsigned(const struct nvml_handle *h, const char *rest, unsigned *v_p)
{
    char key[LINE_MAX_CHARS];
    return answer_unsigned(key_of(key, h, rest), v_p);
}

static int sm_of(const struct nvml_handle *h)
{
    unsigned sm = 0;
    return ask_unsigned(h, "sm", &sm) == NVML_OK ? (int)sm : 0;
}

static int read_bus(const char *key, struct nvml_pci *pci_p)
{
    char text[LINE_MAX_CHARS];
    const int result = answer_text(key, text, sizeof text);
    if (result != NVML_OK)
        return result;
    memset(pci_p, 0, sizeof *pci_p);
    snprintf(pci_p->bus_short, sizeof pci_p->bus_short, "%.15s", text);
    snprintf(pci_p->bus_text, sizeof pci_p->bus_text, "%.31s", text);
    sscanf(text, "%x:%x:%x", &pci_p->domain, &pci_p->bus, &pci_p->device);
    return NVML_OK;
}

EXPORT int nvmlInit_v2(void);
EXPORT int nvmlInit_v2(void)
{
    return answers_open();
}

EXPORT int nvmlShutdown(void);
EXPORT int nvmlShutdown(void)
{
    answers_close();
    return NVML_OK;
}

EXPORT int nvmlDeviceGetCount_v2(unsigned *count_p);
EXPORT int nvmlDeviceGetCount_v2(unsigned *count_p)
{
    return answer_unsigned("gpus", count_p);
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct nvml_handle **gpu_p);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct nvml_handle **gpu_p)
{
    unsigned unused = 0;
    struct nvml_handle *h = (struct nvml_handle *)(handles + index);
    const int result = ask_unsigned(h, "handle", &unused);
    if (result != NVML_OK && result != NVML_NOT_SUPPORTED)
        return result;
    *gpu_p = h;
    return NVML_OK;
}

EXPORT int nvmlDeviceGetPciInfo_v3(struct nvml_handle *gpu, struct nvml_pci *pci_p);
EXPORT int nvmlDeviceGetPciInfo_v3(struct nvml_handle *gpu, struct nvml_pci *pci_p)
{
    char key[LINE_MAX_CHARS];
    return read_bus(key_of(key, gpu, "bus"), pci_p);
}

EXPORT int nvmlSystemGetDriverVersion(char *text, unsigned length);
EXPORT int nvmlSystemGetDriverVersion(char *text, unsigned length)
{
    return answer_text("driver", text, length);
}

EXPORT int nvmlSystemGetNVMLVersion(char *text, unsigned length);
EXPORT int nvmlSystemGetNVMLVersion(char *text, unsigned length)
{
    return answer_text("library", text, length);
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *version_p);
EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *version_p)
{
    double v = 0;
    const int result = answer_number("cuda", &v);
    *version_p = (int)v;
    return result;
}

EXPORT int nvmlDeviceGetName(struct nvml_handle *gpu, char *text, unsigned length);
EXPORT int nvmlDeviceGetName(struct nvml_handle *gpu, char *text, unsigned length)
{
    char key[LINE_MAX_CHARS];
    return answer_text(key_of(key, gpu, "name"), text, length);
}

EXPORT int nvmlDeviceGetUUID(struct nvml_handle *gpu, char *text, unsigned length);
EXPORT int nvmlDeviceGetUUID(struct nvml_handle *gpu, char *text, unsigned length)
{
    char key[LINE_MAX_CHARS];
    return answer_text(key_of(key, gpu, "uuid"), text, length);
}

EXPORT int nvmlDeviceGetMemoryInfo(struct nvml_handle *gpu, struct nvml_memory *memory_p);
EXPORT int nvmlDeviceGetMemoryInfo(struct nvml_handle *gpu, struct nvml_memory *memory_p)
{
    char key[LINE_MAX_CHARS];
    double bytes = 0;
    const int result = answer_number(key_of(key, gpu, "memory"), &bytes);
    *memory_p = (struct nvml_memory){ (unsigned long long)bytes, (unsigned long long)bytes, 0 };
    return result;
}

EXPORT int nvmlDeviceGetCudaComputeCapability(struct nvml_handle *gpu, int *major_p, int *minor_p);
EXPORT int nvmlDeviceGetCudaComputeCapability(struct nvml_handle *gpu, int *major_p, int *minor_p)
{
    unsigned sm = 0;
    const int result = ask_unsigned(gpu, "sm", &sm);
    *major_p = (int)sm / 10;
    *minor_p = (int)sm % 10;
    return result;
}

EXPORT int nvmlDeviceGetMaxClockInfo(struct nvml_handle *gpu, int clock, unsigned *mhz_p);
EXPORT int nvmlDeviceGetMaxClockInfo(struct nvml_handle *gpu, int clock, unsigned *mhz_p)
{
    return ask_unsigned(gpu, clock == NVML_CLOCK_SM ? "clock sm" : "clock memory", mhz_p);
}

EXPORT int nvmlDeviceGetEnforcedPowerLimit(struct nvml_handle *gpu, unsigned *mw_p);
EXPORT int nvmlDeviceGetEnforcedPowerLimit(struct nvml_handle *gpu, unsigned *mw_p)
{
    return ask_unsigned(gpu, "power", mw_p);
}

EXPORT int nvmlDeviceGetCurrPcieLinkGeneration(struct nvml_handle *gpu, unsigned *v_p);
EXPORT int nvmlDeviceGetCurrPcieLinkGeneration(struct nvml_handle *gpu, unsigned *v_p)
{
    static bool asked; /* whoever asks again does it while the GPU works, where the record knows of that */
    const bool again = asked;
    asked = true;
    return again && ask_unsigned(gpu, "pcie loaded generation", v_p) == NVML_OK ? NVML_OK : ask_unsigned(gpu, "pcie now generation", v_p);
}

EXPORT int nvmlDeviceGetCurrPcieLinkWidth(struct nvml_handle *gpu, unsigned *v_p);
EXPORT int nvmlDeviceGetCurrPcieLinkWidth(struct nvml_handle *gpu, unsigned *v_p)
{
    return ask_unsigned(gpu, "pcie now width", v_p);
}

EXPORT int nvmlDeviceGetMaxPcieLinkGeneration(struct nvml_handle *gpu, unsigned *v_p);
EXPORT int nvmlDeviceGetMaxPcieLinkGeneration(struct nvml_handle *gpu, unsigned *v_p)
{
    return ask_unsigned(gpu, "pcie best generation", v_p);
}

EXPORT int nvmlDeviceGetMaxPcieLinkWidth(struct nvml_handle *gpu, unsigned *v_p);
EXPORT int nvmlDeviceGetMaxPcieLinkWidth(struct nvml_handle *gpu, unsigned *v_p)
{
    return ask_unsigned(gpu, "pcie best width", v_p);
}

/* Before Hopper the state is this function's alone, from Hopper on the field's alone: who asks the wrong one learns nothing. */
EXPORT int nvmlDeviceGetNvLinkState(struct nvml_handle *gpu, unsigned link, int *state_p);
EXPORT int nvmlDeviceGetNvLinkState(struct nvml_handle *gpu, unsigned link, int *state_p)
{
    char key[LINE_MAX_CHARS];
    double v = 0;
    const int result = sm_of(gpu) < 90 ? answer_number(link_key(key, gpu, link, "state"), &v) : NVML_NOT_SUPPORTED;
    *state_p = (int)v;
    return result;
}

EXPORT int nvmlDeviceGetNvLinkVersion(struct nvml_handle *gpu, unsigned link, unsigned *v_p);
EXPORT int nvmlDeviceGetNvLinkVersion(struct nvml_handle *gpu, unsigned link, unsigned *v_p)
{
    char key[LINE_MAX_CHARS];
    return answer_unsigned(link_key(key, gpu, link, "version"), v_p);
}

EXPORT int nvmlDeviceGetNvLinkCapability(struct nvml_handle *gpu, unsigned link, int capability, unsigned *v_p);
EXPORT int nvmlDeviceGetNvLinkCapability(struct nvml_handle *gpu, unsigned link, int capability, unsigned *v_p)
{
    char key[LINE_MAX_CHARS];
    return capability == NVML_CAPABILITY_P2P ? answer_unsigned(link_key(key, gpu, link, "p2p"), v_p) : NVML_NOT_SUPPORTED;
}

EXPORT int nvmlDeviceGetNvLinkRemotePciInfo_v2(struct nvml_handle *gpu, unsigned link, struct nvml_pci *pci_p);
EXPORT int nvmlDeviceGetNvLinkRemotePciInfo_v2(struct nvml_handle *gpu, unsigned link, struct nvml_pci *pci_p)
{
    char key[LINE_MAX_CHARS];
    return read_bus(link_key(key, gpu, link, "remote"), pci_p);
}

EXPORT int nvmlDeviceGetTopologyCommonAncestor(struct nvml_handle *a, struct nvml_handle *b, int *level_p);
EXPORT int nvmlDeviceGetTopologyCommonAncestor(struct nvml_handle *a, struct nvml_handle *b, int *level_p)
{
    char key[LINE_MAX_CHARS];
    double v = 0;
    snprintf(key, sizeof key, "pair %d %d ancestor", number_of(a), number_of(b));
    const int result = answer_number(key, &v);
    if (result == NVML_OK)
        *level_p = (int)v;
    return result;
}

#ifndef NVML_OLD
static int ask_board(struct nvml_handle *gpu, const struct nvml_field *f, unsigned *v_p)
{
    char rest[64];
    if (f->id == NVML_FIELD_C2C_COUNT)
        return ask_unsigned(gpu, "c2c", v_p);
    snprintf(rest, sizeof rest, "c2c %u %s", f->scope, f->id == NVML_FIELD_C2C_STATE ? "state" : "speed");
    return ask_unsigned(gpu, rest, v_p);
}

static int is_own_speed(unsigned id)
{
    return (id >= NVML_FIELD_SPEED_L0 && id < NVML_FIELD_SPEED_L0 + 6) || (id >= NVML_FIELD_SPEED_L6 && id < NVML_FIELD_SPEED_L6 + 6);
}

static int ask_field(struct nvml_handle *gpu, struct nvml_field *f)
{
    char key[LINE_MAX_CHARS];
    if (f->id == NVML_FIELD_LINK_COUNT)
        return ask_unsigned(gpu, "links", &f->value.u);
    if (f->id == NVML_FIELD_LINK_STATE)
        return sm_of(gpu) >= 90 ? answer_unsigned(link_key(key, gpu, f->scope, "state"), &f->value.u) : NVML_NOT_SUPPORTED;
    if (f->id == NVML_FIELD_LINK_SPEED)
        return sm_of(gpu) >= 80 ? answer_unsigned(link_key(key, gpu, f->scope, "speed"), &f->value.u) : NVML_NOT_SUPPORTED;
    if (is_own_speed(f->id))
        return answer_unsigned(link_key(key, gpu, f->id < 90 ? f->id - NVML_FIELD_SPEED_L0 : f->id - NVML_FIELD_SPEED_L6 + 6, "speed"),
                            &f->value.u);
    if (f->id >= NVML_FIELD_C2C_COUNT && f->id <= NVML_FIELD_C2C_SPEED)
        return ask_board(gpu, f, &f->value.u);
    return NVML_NOT_SUPPORTED;
}

EXPORT int nvmlDeviceGetFieldValues(struct nvml_handle *gpu, int count, struct nvml_field *fields);
EXPORT int nvmlDeviceGetFieldValues(struct nvml_handle *gpu, int count, struct nvml_field *fields)
{
    for (int i = 0; i < count; i++) {
        fields[i].type = NVML_VALUE_UINT;
        fields[i].result = ask_field(gpu, &fields[i]);
    }
    return NVML_OK;
}

EXPORT int nvmlDeviceGetNvLinkRemoteDeviceType(struct nvml_handle *gpu, unsigned link, int *type_p);
EXPORT int nvmlDeviceGetNvLinkRemoteDeviceType(struct nvml_handle *gpu, unsigned link, int *type_p)
{
    char key[LINE_MAX_CHARS];
    double v = 0;
    const int result = answer_number(link_key(key, gpu, link, "type"), &v);
    if (result == NVML_OK)
        *type_p = (int)v;
    return result;
}

EXPORT int nvmlDeviceGetP2PStatus(struct nvml_handle *a, struct nvml_handle *b, int kind, int *status_p);
EXPORT int nvmlDeviceGetP2PStatus(struct nvml_handle *a, struct nvml_handle *b, int kind, int *status_p)
{
    char key[LINE_MAX_CHARS];
    double v = 0;
    snprintf(key, sizeof key, "pair %d %d p2p %d", number_of(a), number_of(b), kind);
    const int result = answer_number(key, &v);
    if (result == NVML_OK)
        *status_p = (int)v;
    return result;
}

static void read_cluster(struct nvml_handle *gpu, unsigned char cluster[16])
{
    char key[LINE_MAX_CHARS], digits[LINE_MAX_CHARS];
    if (answer_text(key_of(key, gpu, "fabric cluster"), digits, sizeof digits) != NVML_OK || strlen(digits) != 32)
        return;
    for (int i = 0; i < 16; i++) {
        const char byte[3] = { digits[2 * i], digits[2 * i + 1], '\0' };
        cluster[i] = (unsigned char)strtoul(byte, NULL, 16);
    }
}

EXPORT int nvmlDeviceGetGpuFabricInfoV(struct nvml_handle *gpu, struct nvml_fabric *fabric_p);
EXPORT int nvmlDeviceGetGpuFabricInfoV(struct nvml_handle *gpu, struct nvml_fabric *fabric_p)
{
    unsigned state = 0, status = 0;
    if (fabric_p->version != NVML_FABRIC_V2)
        return ARGUMENT_VERSION_MISMATCH;
    const int result = ask_unsigned(gpu, "fabric state", &state);
    if (result != NVML_OK)
        return result;
    memset(fabric_p->cluster, 0, sizeof fabric_p->cluster);
    ask_unsigned(gpu, "fabric status", &status);
    ask_unsigned(gpu, "fabric clique", &fabric_p->clique);
    read_cluster(gpu, fabric_p->cluster);
    fabric_p->state = (unsigned char)state;
    fabric_p->status = (int)status;
    return NVML_OK;
}

EXPORT int nvmlDeviceGetMigMode(struct nvml_handle *gpu, unsigned *now_p, unsigned *pending_p);
EXPORT int nvmlDeviceGetMigMode(struct nvml_handle *gpu, unsigned *now_p, unsigned *pending_p)
{
    const int result = ask_unsigned(gpu, "mig now", now_p);
    return result == NVML_OK ? ask_unsigned(gpu, "mig pending", pending_p) : result;
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(struct nvml_handle *gpu, unsigned *count_p);
EXPORT int nvmlDeviceGetMaxMigDeviceCount(struct nvml_handle *gpu, unsigned *count_p)
{
    return ask_unsigned(gpu, "mig most", count_p);
}

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(struct nvml_handle *gpu, unsigned index, struct nvml_handle **instance_p);
EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(struct nvml_handle *gpu, unsigned index, struct nvml_handle **instance_p)
{
    char text[LINE_MAX_CHARS];
    struct nvml_handle *h = (struct nvml_handle *)(handles + GPUS_MAX * (1 + index) + (unsigned)number_of(gpu));
    if (index >= NVML_MIG_MAX || nvmlDeviceGetUUID(h, text, sizeof text) != NVML_OK)
        return NVML_NOT_FOUND;
    *instance_p = h;
    return NVML_OK;
}
#endif
