#include "collectives/transport/verbs_api.h"

#include "core/error.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define ROW(member, symbol) { symbol, offsetof(struct verbs_api, member) }

static const struct {
    const char *symbol;
    size_t offset;
} rows[] = {
    ROW(get_device_list, "ibv_get_device_list"), ROW(free_device_list, "ibv_free_device_list"),
    ROW(get_device_name, "ibv_get_device_name"), ROW(open_device, "ibv_open_device"),
    ROW(close_device, "ibv_close_device"),       ROW(query_device, "ibv_query_device"),
    ROW(query_port, "ibv_query_port"),           ROW(query_gid_ex, "_ibv_query_gid_ex"),
    ROW(alloc_pd, "ibv_alloc_pd"),               ROW(dealloc_pd, "ibv_dealloc_pd"),
    ROW(reg_mr, "ibv_reg_mr"),                   ROW(dereg_mr, "ibv_dereg_mr"),
    ROW(create_cq, "ibv_create_cq"),             ROW(destroy_cq, "ibv_destroy_cq"),
    ROW(create_qp, "ibv_create_qp"),             ROW(modify_qp, "ibv_modify_qp"),
    ROW(destroy_qp, "ibv_destroy_qp"),           ROW(get_async_event, "ibv_get_async_event"),
    ROW(ack_async_event, "ibv_ack_async_event"), ROW(wc_status_str, "ibv_wc_status_str"),
    ROW(event_type_str, "ibv_event_type_str"),   ROW(fork_init, "ibv_fork_init"),
};

static struct verbs_api api;
static char failure[160]; /* "": the library is there */

static void load(void)
{
    void *library = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_GLOBAL); /* its providers need its symbols */
    if (library == NULL) {
        snprintf(failure, sizeof failure, "libibverbs.so.1 cannot be loaded; install libibverbs1 and ibverbs-providers (rdma-core)");
        return;
    }
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        void *at = dlsym(library, rows[i].symbol);
        if (at == NULL) {
            snprintf(failure, sizeof failure, "libibverbs.so.1 has no %s; rdma-core 32 or newer has it", rows[i].symbol);
            return;
        }
        memcpy((char *)&api + rows[i].offset, &at, sizeof at);
    }
    void *dmabuf = dlsym(library, "ibv_reg_dmabuf_mr");
    memcpy(&api.reg_dmabuf_mr, &dmabuf, sizeof dmabuf);
    api.fork_init(); /* before any memory is registered; a child (a plot) must not take pages from under the card */
}

const struct verbs_api *verbs_api_get(const char **why_p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    *why_p = failure;
    return failure[0] == '\0' ? &api : NULL;
}
