/* A stand-in for the GPU driver's library: answers from the text file that RINGBENCH_NVML_RECORD names, read anew by nvmlInit.
 *
 * A line is "KEY = VALUE"; # begins a comment. A key is words; a number in it may be a list of ranges, "0-3,7", or *. The last line
 * that fits an asked key answers it, so the rule comes first and its exceptions after. The value !N is the error N; what no line
 * answers is NVML_NOT_SUPPORTED. With -DNVML_OLD the newer functions are left out, as in an old driver's library. */
#include "topo/nvml_api.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { LINES_MAX = 4096, LINE_MAX_CHARS = 256, GPUS_MAX = 64, UNINITIALIZED = 1, INSUFFICIENT_SIZE = 7 };

static char lines[LINES_MAX][LINE_MAX_CHARS];
static int nlines, opened;
/* A handle is its place here: GPUs, then sixteen instances for each. */
static char handles[GPUS_MAX * (1 + NVML_MIG_MAX)];

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
        text[--n] = '\0';
    return text;
}

static int read_record(void)
{
    const char *path = getenv("RINGBENCH_NVML_RECORD");
    FILE *f = path != NULL ? fopen(path, "r") : NULL;
    if (f == NULL)
        return NVML_DRIVER_NOT_LOADED;
    char line[LINE_MAX_CHARS];
    for (nlines = 0; nlines < LINES_MAX && fgets(line, sizeof line, f) != NULL;) {
        char *text = trim(line);
        if (*text != '#' && strchr(text, '=') != NULL)
            memcpy(lines[nlines++], text, strlen(text) + 1);
    }
    fclose(f);
    return NVML_OK;
}

static int in_list(const char *list, long number)
{
    for (const char *at = list; *at != '\0';) {
        char *end;
        const long low = strtol(at, &end, 10);
        const long high = *end == '-' ? strtol(end + 1, &end, 10) : low;
        if (number >= low && number <= high)
            return 1;
        at = *end == ',' ? end + 1 : end + strlen(end);
    }
    return 0;
}

static int word_fits(const char *pattern, const char *word)
{
    if (strcmp(pattern, word) == 0)
        return 1;
    if (word[0] < '0' || word[0] > '9')
        return 0;
    return strcmp(pattern, "*") == 0 || in_list(pattern, atol(word));
}

/* The value, or NULL. */
static const char *fits(const char *line, const char *key)
{
    char pattern[LINE_MAX_CHARS], asked[LINE_MAX_CHARS], *p_rest = NULL, *a_rest = NULL;
    const size_t length = (size_t)(strchr(line, '=') - line);
    memcpy(pattern, line, length);
    pattern[length] = '\0';
    snprintf(asked, sizeof asked, "%s", key);
    char *p = strtok_r(pattern, " \t", &p_rest), *a = strtok_r(asked, " \t", &a_rest);
    while (p != NULL && a != NULL && word_fits(p, a)) {
        p = strtok_r(NULL, " \t", &p_rest);
        a = strtok_r(NULL, " \t", &a_rest);
    }
    const char *value = line + length + 1;
    return p == NULL && a == NULL ? value + strspn(value, " \t") : NULL;
}

static int look_up(const char *key, const char **value_p)
{
    *value_p = NULL;
    for (int i = nlines - 1; *value_p == NULL && i >= 0; i--)
        *value_p = fits(lines[i], key);
    if (*value_p == NULL)
        return NVML_NOT_SUPPORTED;
    return **value_p == '!' ? atoi(*value_p + 1) : NVML_OK;
}

static int get_text(const char *key, char *text, unsigned length)
{
    const char *value;
    const int result = opened ? look_up(key, &value) : UNINITIALIZED;
    if (result == NVML_OK && strlen(value) >= length)
        return INSUFFICIENT_SIZE;
    if (result == NVML_OK)
        memcpy(text, value, strlen(value) + 1);
    return result;
}

static int get_number(const char *key, double *number_p)
{
    char text[LINE_MAX_CHARS];
    const int result = get_text(key, text, sizeof text);
    if (result == NVML_OK)
        *number_p = strtod(text, NULL);
    return result;
}

static int get_unsigned(const char *key, unsigned *v_p)
{
    double v = 0;
    const int result = get_number(key, &v);
    if (result == NVML_OK)
        *v_p = (unsigned)v;
    return result;
}

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
    return get_unsigned(key_of(key, h, rest), v_p);
}

static int sm_of(const struct nvml_handle *h)
{
    unsigned sm = 0;
    return ask_unsigned(h, "sm", &sm) == NVML_OK ? (int)sm : 0;
}

static int read_bus(const char *key, struct nvml_pci *pci_p)
{
    char text[LINE_MAX_CHARS];
    const int result = get_text(key, text, sizeof text);
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
    double unused = 0;
    const int result = read_record();
    if (result != NVML_OK)
        return result;
    opened = 1;
    const int init = get_number("init", &unused);
    opened = init == NVML_OK || init == NVML_NOT_SUPPORTED;
    return opened ? NVML_OK : init;
}

EXPORT int nvmlShutdown(void);
EXPORT int nvmlShutdown(void)
{
    opened = 0;
    return NVML_OK;
}

EXPORT int nvmlDeviceGetCount_v2(unsigned *count_p);
EXPORT int nvmlDeviceGetCount_v2(unsigned *count_p)
{
    return get_unsigned("gpus", count_p);
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
    return get_text("driver", text, length);
}

EXPORT int nvmlSystemGetNVMLVersion(char *text, unsigned length);
EXPORT int nvmlSystemGetNVMLVersion(char *text, unsigned length)
{
    return get_text("library", text, length);
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *version_p);
EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *version_p)
{
    double v = 0;
    const int result = get_number("cuda", &v);
    *version_p = (int)v;
    return result;
}

EXPORT int nvmlDeviceGetName(struct nvml_handle *gpu, char *text, unsigned length);
EXPORT int nvmlDeviceGetName(struct nvml_handle *gpu, char *text, unsigned length)
{
    char key[LINE_MAX_CHARS];
    return get_text(key_of(key, gpu, "name"), text, length);
}

EXPORT int nvmlDeviceGetUUID(struct nvml_handle *gpu, char *text, unsigned length);
EXPORT int nvmlDeviceGetUUID(struct nvml_handle *gpu, char *text, unsigned length)
{
    char key[LINE_MAX_CHARS];
    return get_text(key_of(key, gpu, "uuid"), text, length);
}

EXPORT int nvmlDeviceGetMemoryInfo(struct nvml_handle *gpu, struct nvml_memory *memory_p);
EXPORT int nvmlDeviceGetMemoryInfo(struct nvml_handle *gpu, struct nvml_memory *memory_p)
{
    char key[LINE_MAX_CHARS];
    double bytes = 0;
    const int result = get_number(key_of(key, gpu, "memory"), &bytes);
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
    return ask_unsigned(gpu, "pcie now generation", v_p);
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
    const int result = sm_of(gpu) < 90 ? get_number(link_key(key, gpu, link, "state"), &v) : NVML_NOT_SUPPORTED;
    *state_p = (int)v;
    return result;
}

EXPORT int nvmlDeviceGetNvLinkVersion(struct nvml_handle *gpu, unsigned link, unsigned *v_p);
EXPORT int nvmlDeviceGetNvLinkVersion(struct nvml_handle *gpu, unsigned link, unsigned *v_p)
{
    char key[LINE_MAX_CHARS];
    return get_unsigned(link_key(key, gpu, link, "version"), v_p);
}

EXPORT int nvmlDeviceGetNvLinkCapability(struct nvml_handle *gpu, unsigned link, int capability, unsigned *v_p);
EXPORT int nvmlDeviceGetNvLinkCapability(struct nvml_handle *gpu, unsigned link, int capability, unsigned *v_p)
{
    char key[LINE_MAX_CHARS];
    return capability == NVML_CAPABILITY_P2P ? get_unsigned(link_key(key, gpu, link, "p2p"), v_p) : NVML_NOT_SUPPORTED;
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
    const int result = get_number(key, &v);
    if (result == NVML_OK)
        *level_p = (int)v;
    return result;
}

#ifndef NVML_OLD
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
        return sm_of(gpu) >= 90 ? get_unsigned(link_key(key, gpu, f->scope, "state"), &f->value.u) : NVML_NOT_SUPPORTED;
    if (f->id == NVML_FIELD_LINK_SPEED)
        return sm_of(gpu) >= 80 ? get_unsigned(link_key(key, gpu, f->scope, "speed"), &f->value.u) : NVML_NOT_SUPPORTED;
    if (is_own_speed(f->id))
        return get_unsigned(link_key(key, gpu, f->id < 90 ? f->id - NVML_FIELD_SPEED_L0 : f->id - NVML_FIELD_SPEED_L6 + 6, "speed"),
                            &f->value.u);
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
    const int result = get_number(link_key(key, gpu, link, "type"), &v);
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
    const int result = get_number(key, &v);
    if (result == NVML_OK)
        *status_p = (int)v;
    return result;
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
