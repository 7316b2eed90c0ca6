#include "collectives/baseline/nccl_api.h"

#include "core/error.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const char usual_name[] = "libnccl.so.2";

static const struct {
    const char *name;
    size_t at;
    bool optional;
} functions[] = {
    { "ncclGetVersion", offsetof(struct nccl_api, get_version), false },
    { "ncclGetUniqueId", offsetof(struct nccl_api, get_unique_id), false },
    { "ncclCommInitRank", offsetof(struct nccl_api, comm_init_rank), false },
    { "ncclCommDestroy", offsetof(struct nccl_api, comm_destroy), false },
    { "ncclCommAbort", offsetof(struct nccl_api, comm_abort), false },
    { "ncclCommGetAsyncError", offsetof(struct nccl_api, comm_get_async_error), false },
    { "ncclGetErrorString", offsetof(struct nccl_api, get_error_string), false },
    { "ncclGetLastError", offsetof(struct nccl_api, get_last_error), true },
    { "ncclResetDebugInit", offsetof(struct nccl_api, reset_debug), true },
    { "ncclGroupStart", offsetof(struct nccl_api, group_start), false },
    { "ncclGroupEnd", offsetof(struct nccl_api, group_end), false },
    { "ncclAllReduce", offsetof(struct nccl_api, all_reduce), false },
    { "ncclReduceScatter", offsetof(struct nccl_api, reduce_scatter), false },
    { "ncclAllGather", offsetof(struct nccl_api, all_gather), false },
    { "ncclBroadcast", offsetof(struct nccl_api, broadcast), false },
    { "ncclReduce", offsetof(struct nccl_api, reduce), false },
    { "ncclSend", offsetof(struct nccl_api, send), false },
    { "ncclRecv", offsetof(struct nccl_api, recv), false },
};

static bool find_functions(struct nccl_api *api, const char *file, char *why, size_t room)
{
    for (size_t i = 0; i < RB_LEN(functions); i++) {
        void *function = dlsym(api->library, functions[i].name);
        if (function == NULL && !functions[i].optional) {
            snprintf(why, room, "%s has no %s: it is no NCCL, or one older than 2.7", file, functions[i].name);
            return false;
        }
        memcpy((char *)api + functions[i].at, &function, sizeof function);
    }
    return true;
}

/* Up to 2.8 a version counted 1000 major + 100 minor + patch. */
static bool ask_version(struct nccl_api *api, const char *file, char *why, size_t room)
{
    int v = 0;
    if (api->get_version(&v) != NCCL_SUCCESS || v <= 0) {
        snprintf(why, room, "%s does not tell its version", file);
        return false;
    }
    api->version = v < 10000 ? v / 1000 * 10000 + v % 1000 : v;
    snprintf(api->version_text, sizeof api->version_text, "%d.%d.%d", api->version / 10000 % 1000, api->version / 100 % 100, api->version % 100);
    return true;
}

bool nccl_api_open(struct nccl_api *api, const char *file, char *why, size_t room)
{
    const char *name = file != NULL ? file : usual_name;
    *api = (struct nccl_api){ .library = dlopen(name, RTLD_NOW | RTLD_LOCAL) };
    if (api->library == NULL) {
        const char *reason = dlerror();
        snprintf(why, room, "%s", reason != NULL ? reason : name);
        return false;
    }
    if (find_functions(api, name, why, room) && ask_version(api, name, why, room))
        return true;
    nccl_api_close(api);
    return false;
}

void nccl_api_close(struct nccl_api *api)
{
    if (api->library != NULL)
        dlclose(api->library);
    *api = (struct nccl_api){0};
}

int nccl_api_check(const struct nccl_api *api, int result, const char *what, struct nccl_comm *comm)
{
    if (result == NCCL_SUCCESS || result == NCCL_IN_PROGRESS)
        return RB_OK;
    const char *last = api->get_last_error != NULL ? api->get_last_error(comm) : NULL, *text = api->get_error_string(result);
    const bool more = last != NULL && last[0] != '\0';
    return rb_fail(RB_ENCCL, "NCCL %s: %s: %s%s%.300s (--baseline none measures without it)", api->version_text, what, text != NULL ? text : "?",
                   more ? "; last: " : "", more ? last : "");
}
