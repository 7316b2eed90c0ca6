/* topo/nvml_api.h - the functions of the GPU driver's library that are used here, found at run time: the program also runs
 * where there is no driver, and is built without its header.
 *
 * It knows how to call, not what the answers mean (nvml.h).
 *
 * Source   names, numbers and layouts: the published interface of NVML, docs.nvidia.com/deploy/nvml-api, and its Python
 *          binding nvidia-ml-py 13 (pynvml.py), which gives the layouts. Numbers never change once given. */
#ifndef RB_TOPO_NVML_API_H
#define RB_TOPO_NVML_API_H

#include <stdbool.h>
#include <stddef.h>

struct nvml_handle; /* a GPU, or a MIG instance, inside the library */

/* What every function returns: nvmlReturn_t. */
enum {
    NVML_OK = 0,
    NVML_INVALID_ARGUMENT = 2,
    NVML_NOT_SUPPORTED = 3,
    NVML_NO_PERMISSION = 4,
    NVML_NOT_FOUND = 6,
    NVML_DRIVER_NOT_LOADED = 9,
    NVML_FUNCTION_NOT_FOUND = 13,
    NVML_GPU_IS_LOST = 15,
    NVML_VERSION_MISMATCH = 18,
    NVML_UNKNOWN = 999,
};

/* Sizes of texts that the library fills. */
enum { NVML_TEXT = 96, NVML_LINKS_MAX = 36, NVML_MIG_MAX = 16 };

enum { NVML_CLOCK_SM = 1, NVML_CLOCK_MEMORY = 2 };                /* nvmlClockType_t */
enum { NVML_CAPABILITY_P2P = 0 };                                 /* nvmlNvLinkCapability_t */
enum { NVML_REMOTE_GPU = 0, NVML_REMOTE_CPU = 1, NVML_REMOTE_SWITCH = 2 }; /* nvmlIntNvLinkDeviceType_t; 1 is IBM's NPU */

/* Field values; the scope is the link. The last two are first of six each: links 0..5 and 6..11. */
enum {
    NVML_FIELD_SPEED_COMMON = 90,
    NVML_FIELD_LINK_COUNT = 91,
    NVML_FIELD_LINK_SPEED = 164,
    NVML_FIELD_LINK_STATE = 165,
    NVML_FIELD_C2C_COUNT = 170,
    NVML_FIELD_C2C_STATE = 171,
    NVML_FIELD_C2C_SPEED = 172,
    NVML_FIELD_SPEED_L0 = 84,
    NVML_FIELD_SPEED_L6 = 132,
};

enum { NVML_VALUE_DOUBLE, NVML_VALUE_UINT, NVML_VALUE_ULONG, NVML_VALUE_ULLONG, NVML_VALUE_LLONG, NVML_VALUE_INT, NVML_VALUE_USHORT };

/* nvmlPciInfo_t. Older versions end earlier, with the first six members alike. */
struct nvml_pci {
    char bus_short[16];
    unsigned domain, bus, device, id, subsystem;
    char bus_text[32];
};

/* nvmlMemory_t */
struct nvml_memory {
    unsigned long long total, free, used;
};

/* nvmlFieldValue_t */
struct nvml_field {
    unsigned id, scope;
    long long timestamp, latency_us;
    int type, result;
    union {
        double d;
        unsigned u;
        unsigned long ul;
        unsigned long long ull;
        long long ll;
        int i;
        unsigned short us;
    } value;
};

/* nvmlGpuFabricInfo_v2_t; version must be set before the call. */
struct nvml_fabric {
    unsigned version;
    unsigned char cluster[16];
    int status;
    unsigned clique;
    unsigned char state;
    unsigned health;
};

enum { NVML_FABRIC_V2 = 36 | 2 << 24 };
enum { NVML_FABRIC_NONE, NVML_FABRIC_NOT_STARTED, NVML_FABRIC_IN_PROGRESS, NVML_FABRIC_DONE };

_Static_assert(sizeof(struct nvml_fabric) == 36 && sizeof(struct nvml_pci) == 68 && sizeof(struct nvml_memory) == 24 && sizeof(struct nvml_field) == 40,
               "the layouts of the library");

struct nvml_api {
    void *library;
    int (*init)(void);
    int (*shutdown)(void);
    int (*count)(unsigned *count_p);
    int (*by_index)(unsigned index, struct nvml_handle **gpu_p);
    int (*pci)(struct nvml_handle *gpu, struct nvml_pci *pci_p);
    /* From here on NULL where an older library has none. */
    int (*driver)(char *text, unsigned length);
    int (*version)(char *text, unsigned length);
    int (*cuda)(int *version_p);
    int (*name)(struct nvml_handle *gpu, char *text, unsigned length);
    int (*uuid)(struct nvml_handle *gpu, char *text, unsigned length);
    int (*memory)(struct nvml_handle *gpu, struct nvml_memory *memory_p);
    int (*capability)(struct nvml_handle *gpu, int *major_p, int *minor_p);
    int (*clock_max)(struct nvml_handle *gpu, int clock, unsigned *mhz_p);
    int (*power_limit)(struct nvml_handle *gpu, unsigned *mw_p);
    int (*pcie_generation)(struct nvml_handle *gpu, unsigned *v_p);
    int (*pcie_width)(struct nvml_handle *gpu, unsigned *v_p);
    int (*pcie_generation_max)(struct nvml_handle *gpu, unsigned *v_p);
    int (*pcie_width_max)(struct nvml_handle *gpu, unsigned *v_p);
    int (*fields)(struct nvml_handle *gpu, int count, struct nvml_field *fields);
    int (*link_state)(struct nvml_handle *gpu, unsigned link, int *state_p);
    int (*link_version)(struct nvml_handle *gpu, unsigned link, unsigned *v_p);
    int (*link_capability)(struct nvml_handle *gpu, unsigned link, int capability, unsigned *v_p);
    int (*link_remote)(struct nvml_handle *gpu, unsigned link, struct nvml_pci *pci_p);
    int (*link_remote_type)(struct nvml_handle *gpu, unsigned link, int *type_p);
    int (*p2p)(struct nvml_handle *a, struct nvml_handle *b, int kind, int *status_p);
    int (*ancestor)(struct nvml_handle *a, struct nvml_handle *b, int *level_p);
    int (*fabric)(struct nvml_handle *gpu, struct nvml_fabric *fabric_p);
    int (*mig_mode)(struct nvml_handle *gpu, unsigned *now_p, unsigned *pending_p);
    int (*mig_max)(struct nvml_handle *gpu, unsigned *count_p);
    int (*mig_by_index)(struct nvml_handle *gpu, unsigned index, struct nvml_handle **instance_p);
};

/* What the function answers, or that there is none. */
#define NVML_CALL(api, function, ...) ((api)->function != NULL ? (api)->function(__VA_ARGS__) : NVML_FUNCTION_NOT_FOUND)

/* Opens the library (file NULL: the system's), without initialising it. False and a line in why when it is not there or lacks a
 * function that nothing goes without. */
bool nvml_api_open(struct nvml_api *api, const char *file, char *why, size_t why_size);
void nvml_api_close(struct nvml_api *api);

#endif
