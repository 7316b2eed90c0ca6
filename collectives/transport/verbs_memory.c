#include "collectives/transport/verbs_memory.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ACCESS = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE, ACCESS_GPU = ACCESS | IBV_ACCESS_REMOTE_READ };

static int refuse(const struct verbs_memory *m, const struct verbs_memory_wish *w, int why)
{
    struct rlimit limit = { 0, 0 };
    char need[UNITS_TEXT], have[UNITS_TEXT];
    units_bytes(need, m->bytes);
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < m->bytes)
        return rb_fail(RB_EUSAGE, "rank %d: %s cannot register %s: at most %s may be locked in memory; raise it (ulimit -l unlimited, "
                       "/etc/security/limits.conf, LimitMEMLOCK= of the service that starts the ranks)", w->rank, w->port->name, need,
                       units_bytes(have, limit.rlim_cur));
    return rb_fail(RB_EINTERNAL, "rank %d: %s cannot register %s: %s", w->rank, w->port->name, need, strerror(why));
}

static int open_host(struct verbs_memory *m, const struct verbs_memory_wish *w)
{
    void *p = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return rb_fail(RB_EINTERNAL, "rank %d: no memory for the slots: %s", w->rank, strerror(errno));
    m->host = m->base = p;
    m->card_base = (uint64_t)(uintptr_t)p;
    m->mr = w->port->api->reg_mr(w->pd, p, m->bytes, ACCESS);
    return m->mr != NULL ? RB_OK : refuse(m, w, errno);
}

static int attribute(const struct verbs_gpu *gpu, int which, int otherwise)
{
    int device, value;
    const struct gpu_driver *d = gpu->driver;
    if (d == NULL || d->get_device(&device, gpu->device) != GPU_DRIVER_OK || d->get_attribute(&value, which, device) != GPU_DRIVER_OK)
        return otherwise;
    return value;
}

/* A device without dma-buf refuses before it looks at the descriptor. 0, or its errno. */
static int card_refuses_dmabuf(const struct verbs_memory_wish *w)
{
    const struct verbs_api *api = w->port->api;
    if (api->reg_dmabuf_mr == NULL)
        return ENOSYS;
    struct ibv_mr *mr = api->reg_dmabuf_mr(w->pd, 0, 0, 0, -1, 0);
    const int why = mr == NULL ? errno : 0;
    if (mr != NULL)
        api->dereg_mr(mr);
    return why == EOPNOTSUPP || why == EPROTONOSUPPORT || why == ENOSYS ? why : 0;
}

static bool try_dmabuf(struct verbs_memory *m, const struct verbs_memory_wish *w)
{
    const struct verbs_gpu *gpu = w->gpu;
    const struct verbs_port *port = w->port;
    int fd = -1;
    const int why = card_refuses_dmabuf(w);
    if (why != 0) {
        snprintf(m->why, sizeof m->why, "no dma-buf: %s or its library cannot (%s)", port->name, strerror(why));
        return false;
    }
    if (attribute(gpu, GPU_DMABUF_SUPPORTED, 0) == 0 || gpu->driver->get_handle == NULL) {
        snprintf(m->why, sizeof m->why, "no dma-buf: the GPU's driver cannot (it takes the open kernel modules)");
        return false;
    }
    if (gpu->driver->get_handle(&fd, m->card_base, m->bytes, GPU_HANDLE_DMABUF, 0) != GPU_DRIVER_OK || fd < 0) {
        snprintf(m->why, sizeof m->why, "no dma-buf: the GPU's driver refuses a descriptor");
        return false;
    }
    m->mr = port->api->reg_dmabuf_mr(w->pd, 0, m->bytes, m->card_base, fd, ACCESS_GPU);
    if (m->mr == NULL)
        snprintf(m->why, sizeof m->why, "no dma-buf: %s refuses it (%s)", port->name, strerror(errno));
    close(fd); /* the registration holds the memory */
    m->way = VERBS_DMABUF;
    return m->mr != NULL;
}

static bool has_module(const struct verbs_gpu *gpu)
{
    char *path = rb_format("%s/nvidia_peermem/version", gpu->modules);
    const bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static void add_why(struct verbs_memory *m, const char *why)
{
    const size_t used = strlen(m->why);
    snprintf(m->why + used, sizeof m->why - used, "%s%s", used > 0 ? "; " : "", why);
}

static bool try_peermem(struct verbs_memory *m, const struct verbs_memory_wish *w)
{
    if (!has_module(w->gpu)) {
        add_why(m, "no nvidia-peermem module");
        return false;
    }
    m->mr = w->port->api->reg_mr(w->pd, m->base, m->bytes, ACCESS_GPU);
    if (m->mr == NULL)
        add_why(m, "nvidia-peermem refuses the memory");
    m->way = VERBS_PEERMEM;
    return m->mr != NULL;
}

static int open_pinned(struct verbs_memory *m, const struct verbs_memory_wish *w)
{
    void *device;
    m->way = VERBS_PINNED;
    RB_TRY(open_host(m, w));
    m->base = NULL;
    RB_TRY(m->api->pin(m->host, m->bytes, &device));
    m->base = device;
    return RB_OK;
}

static int open_gpu(struct verbs_memory *m, const struct verbs_memory_wish *w, size_t page)
{
    m->api = w->gpu->api;
    RB_TRY(m->api->allocate(m->bytes + page, &m->allocated));
    m->card_base = ((uint64_t)(uintptr_t)m->allocated + page - 1) / page * page;
    m->base = (char *)m->allocated + (m->card_base - (uint64_t)(uintptr_t)m->allocated);
    if (try_dmabuf(m, w) || try_peermem(m, w)) {
        m->flush = attribute(w->gpu, GPU_RDMA_WRITES_ORDERING, 0) < GPU_ORDERED_FOR_OWNER;
        return RB_OK;
    }
    m->api->release(m->allocated);
    m->allocated = NULL;
    return open_pinned(m, w);
}

int verbs_memory_open(struct verbs_memory *m, const struct verbs_memory_wish *w)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *m = (struct verbs_memory){ .bytes = (w->bytes + page) / page * page };
    return w->gpu != NULL ? open_gpu(m, w, page) : open_host(m, w);
}

void verbs_memory_close(struct verbs_memory *m, const struct verbs_api *api)
{
    if (m->mr != NULL)
        api->dereg_mr(m->mr);
    if (m->way == VERBS_PINNED && m->base != NULL)
        m->api->unpin(m->host);
    if (m->host != NULL)
        munmap(m->host, m->bytes);
    if (m->allocated != NULL)
        m->api->release(m->allocated);
    *m = (struct verbs_memory){0};
}

void verbs_memory_text(const struct verbs_memory *m, char *text, size_t room)
{
    static const char *const ways[] = { [VERBS_DMABUF] = "in GPU memory by dma-buf", [VERBS_PEERMEM] = "in GPU memory by nvidia-peermem",
                                        [VERBS_PINNED] = "in pinned host memory" };
    text[0] = '\0';
    if (m->way != VERBS_HOST)
        snprintf(text, room, "slots %s%s%s%s", ways[m->way], m->flush ? ", flushed by a read" : "", m->why[0] != '\0' ? ": " : "", m->why);
}
