/* What NCCL has chosen for a call. No function tells; its log does (NCCL_DEBUG=INFO, NCCL_DEBUG_SUBSYS=TUNING: one line a collective, from rank 0,
 * when it is queued). A line of log costs about as much as a small call, so the log is on for the first call of an operation only, which is
 * never timed: ncclResetDebugInit, exported from 2.24.3 on, has the environment read again. Older versions are not asked.
 *
 * Lines, from NVIDIA/nccl src/enqueue.cc:
 *   2.18     "1024 Bytes -> Algo 1 proto 0 time 7.2"
 *   2.22     "AllReduce: 1024 Bytes -> Algo 1 proto 0 time 7.2"
 *   2.24 on  "AllReduce: 1024 Bytes -> Algo RING proto LL channel{Lo..Hi}={0..1}"
 *   2.27 on, symmetric memory  "AllReduce [Symmetric]: 1024 Bytes -> Kernel AllReduce_AGxLL_R nchannels 1 ..." */
#include "collectives/baseline/nccl_inside.h"

#include "core/error.h"
#include "core/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_MOST = 1 << 20 };

/* Of the process: all libraries write there in turn. "": none was made. */
static char path[256];

/* NCCL_ALGO_* and NCCL_PROTO_* by number, for the versions that log numbers. */
static const char *const algorithms_by_number[] = { "tree", "ring", "collnet_direct", "collnet_chain", "nvls", "nvls_tree", "pat" };
static const char *const protocols_by_number[] = { "ll", "ll128", "simple" };

static void name_it(char *name, size_t room, const char *word, const char *const *names, size_t count)
{
    char *end;
    const unsigned long number = strtoul(word, &end, 10);
    const bool known = end != word && *end == '\0' && number < count;
    snprintf(name, room, "%s", known ? names[number] : word);
    for (char *c = name; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
}

bool nccl_choice_parse(const char *line, char *text, size_t room)
{
    char word[24], other[24], algorithm[24], protocol[24];
    const char *at = strstr(line, " Bytes -> "), *channels = strstr(line, "channel{Lo..Hi}={");
    int low, high;
    if (at == NULL)
        return false;
    at += strlen(" Bytes -> ");
    if (sscanf(at, "Kernel %23s", word) == 1) {
        snprintf(text, room, "symmetric %s", word);
        return true;
    }
    if (sscanf(at, "Algo %23s proto %23s", word, other) != 2)
        return false;
    name_it(algorithm, sizeof algorithm, word, algorithms_by_number, RB_LEN(algorithms_by_number));
    name_it(protocol, sizeof protocol, other, protocols_by_number, RB_LEN(protocols_by_number));
    if (channels != NULL && sscanf(channels, "channel{Lo..Hi}={%d..%d}", &low, &high) == 2 && high >= low)
        snprintf(text, room, "%s/%s, %d channel%s", algorithm, protocol, high - low + 1, high == low ? "" : "s");
    else
        snprintf(text, room, "%s/%s", algorithm, protocol);
    return true;
}

static void remove_log(void)
{
    unlink(path);
}

/* Not where the user has asked for a log of his own. */
static bool make_log(void)
{
    if (path[0] != '\0')
        return true;
    if (getenv("NCCL_DEBUG") != NULL || getenv("NCCL_DEBUG_FILE") != NULL || getenv("NCCL_DEBUG_SUBSYS") != NULL)
        return false;
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%.200s/ringbench-nccl-XXXXXX", folder != NULL && strchr(folder, '%') == NULL ? folder : "/tmp");
    const int file = mkstemp(path);
    if (file < 0) {
        path[0] = '\0';
        return false;
    }
    close(file);
    atexit(remove_log);
    return true;
}

/* A communicator that is made with a level in force prints the version on standard output. */
void nccl_log_rest(void)
{
    if (path[0] != '\0')
        unsetenv("NCCL_DEBUG");
}

static bool can_ask(const struct nccl *n)
{
    return n->gang->job->rank == 0 && n->api.reset_debug != NULL && n->api.version >= NCCL_FIRST_LOG_RESET;
}

/* From here on only the value of NCCL_DEBUG changes: other threads may read the environment. */
int nccl_log_ready(struct nccl *n)
{
    RB_TRY(job_barrier(n->gang->job));
    if (can_ask(n) && make_log()) {
        setenv("NCCL_DEBUG_SUBSYS", "TUNING", 1);
        setenv("NCCL_DEBUG_FILE", path, 1);
        setenv("NCCL_DEBUG", "VERSION", 1);
        n->api.reset_debug();
    }
    return job_barrier(n->gang->job);
}

static bool asks(const struct nccl_operation *op)
{
    return !op->asked && path[0] != '\0' && can_ask(op->nccl);
}

void nccl_log_begin(const struct nccl_operation *op)
{
    if (!asks(op))
        return;
    setenv("NCCL_DEBUG", "INFO", 1);
    op->nccl->api.reset_debug();
}

void nccl_log_end(struct nccl_operation *op)
{
    struct text log = {0};
    if (!asks(op))
        return;
    op->asked = true;
    setenv("NCCL_DEBUG", "VERSION", 1);
    op->nccl->api.reset_debug();
    rb_mute(true); /* no log, no answer */
    const int rc = text_read_file(&log, path, LOG_MOST);
    rb_mute(false);
    char *rest = log.chars;
    for (char *line; rc == RB_OK && (line = strsep(&rest, "\n")) != NULL;)
        nccl_choice_parse(line, op->chosen, sizeof op->chosen);
    text_free(&log);
}
