/* bench/settings.h - the options of `ringbench run`: one table feeds parser, defaults, --help and the echo in every result.
 *
 * Letters mean what they mean in nccl-tests; those that make no sense here are refused by name, none is reused.
 * Units    bytes, seconds. Ownership: texts point into argv or the table.
 * Errors   RB_EUSAGE, one line. */
#ifndef RB_BENCH_SETTINGS_H
#define RB_BENCH_SETTINGS_H

#include "core/options.h"
#include "workload/settings.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { SETTINGS_BASELINES = 8 };

struct settings {
    /* what */
    const char *collectives, *algorithms, *transports, *protocols, *baseline, *types, *ops, *root, *servers;
    uint64_t nodes; /* groups of the algorithms with levels; 0: from the hosts */
    uint64_t min_bytes, max_bytes, step_bytes, step_factor; /* step_bytes or step_factor, the other is 0 */
    bool full, pairs;
    /* how long */
    uint64_t iterations; /* 0: until precise */
    uint64_t warmup, cycles, check;
    uint64_t aggregate;   /* calls in a sample; 0: as many as the clock needs */
    uint64_t skip;        /* samples left out at the start */
    double precision;     /* of the median, relative */
    double budget;        /* seconds a case; 0: from the length of the list */
    double stall_limit;   /* -T; 0: off */
    double run_limit;     /* 0: none */
    /* how */
    uint64_t average, blocking, percentiles, stamps, threads, gpus;
    const char *cache;
    bool no_bind;
    const char *topology;
    uint64_t graphs;   /* launches of a graph in a sample; 0: calls one by one */
    uint64_t cpu_time; /* 1: a sample ends when the GPU has the work */
    uint64_t ranks_per_gpu, channels; /* channels 0: chosen */
    bool system_scope;
    const char *emulate; /* NULL: links as they are */
    const char *nccl; /* libraries by commas; NULL: the system's */
    const char *nccl_algorithms; /* by commas */
    const char *nccl_ctas;       /* "most", "equal" */
    uint64_t cta_policy;
    const char *device; /* of verbs; NULL: chosen */
    uint64_t qps;
    bool proxy;
    /* workloads */
    struct workload_settings workload; /* names NULL: none */
    bool workload_only;             /* no collectives are measured */
    /* results */
    const char *output, *format, *file;
    bool osu, resume, dry_run, no_report;
    double min_busbw; /* GB/s; 0: none */
    /* from the above, by baselines_name(): subjects of --baseline; none: --baseline itself */
    const char *baselines[SETTINGS_BASELINES];
    size_t nbaselines;
};

extern const struct option_table run_options;

/* Parses and checks everything that needs no other rank; *help_p as options_parse. */
int settings_parse(struct settings *s, int argc, char **argv, bool *help_p);
/* Every option by name, as text: for the run record. A new reference. */
json_t *settings_json(const struct settings *s);
/* The first option that changes what a number means and differs between two such objects, or NULL. */
const char *settings_difference(const json_t *a, const json_t *b);

#endif
