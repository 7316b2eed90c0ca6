#include "collectives/transport/gpu_driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static struct gpu_driver driver;
static bool found;

static bool find(void *library, const char *symbol, void *pointer, size_t bytes)
{
    void *at = dlsym(library, symbol);
    memcpy(pointer, &at, bytes);
    return at != NULL;
}

static void load(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return;
    find(library, "cuMemGetHandleForAddressRange", &driver.get_handle, sizeof driver.get_handle);
    found = find(library, "cuDeviceGet", &driver.get_device, sizeof driver.get_device) &&
            find(library, "cuDeviceGetAttribute", &driver.get_attribute, sizeof driver.get_attribute);
}

const struct gpu_driver *gpu_driver_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return found ? &driver : NULL;
}
