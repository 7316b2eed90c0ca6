/* report/records.h - results.jsonl: the waist between what needs hardware and what does not.
 *
 * One JSON object a line; "schema":1 and "kind" are in every one. Kinds: run (settings, machine, environment; first
 * line of a run), case (one measured, imported or simulated case), pair (one ordered pair of ranks), workload, gemm (the rate of
 * a GPU's matrix products in one type), plan (a training split over a simulated cluster), fit, limit, note.
 *
 * Units    names carry them: *_us microseconds, *_GBps 1e9 bytes per second one direction, bytes.
 *          Not available is NAN here and null in the file; counts that were not taken are -1 / null.
 * Errors   a damaged line: "file:line: what"; the reader goes on with the lines that are whole when asked to (a killed run
 *          may leave half a line at the end: that is a note, not an error).
 * Ownership records_free() frees what a list holds. */
#ifndef RB_REPORT_RECORDS_H
#define RB_REPORT_RECORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { RECORD_SCHEMA = 1, RECORD_SAMPLES = 1000 };

struct record_time {
    double median, min, p95, p99, ci_low, ci_high, cv; /* microseconds but cv */
    uint64_t n;                                        /* samples behind the statistics */
};

struct record_case {
    char collective[24]; /* all_reduce, ... */
    char algorithm[40];  /* ring, direct_two_shot, parameter_server, ...; for a baseline its own word, or "mpi" */
    char transport[16];  /* shm, mpi, null, ...; NVLink etc. for imported ones */
    char protocol[12];   /* slots, direct; "" unknown */
    char baseline[24];   /* "" ours; "mpi", "nccl", "nccl-2.28.9-ring" */
    char chosen[48];     /* what a library has taken for the call: "ring/ll, 2 channels"; "" it does not tell */
    char label[48];      /* e.g. "user-defined op": outside the ratio when not empty */
    char evidence[12];   /* measured, imported, simulated, emulated */
    char gpu[48];        /* imported ones; "" none */
    char source[160];    /* imported ones: file or address */
    char type[12], op[8];
    int ranks, nodes, servers; /* servers 0: not a parameter server */
    int root;                  /* -1: none */
    bool in_place;
    uint64_t bytes, count; /* nccl-tests' size and count */
    struct record_time time_us;
    double *samples_us; /* in order, thinned evenly to RECORD_SAMPLES; may be NULL */
    size_t nsamples;
    double algbw_GBps, busbw_GBps, wire_GBps, ceiling_GBps; /* wire: what the busiest rank sends or receives */
    char ceiling_from[16];                                  /* measured, queried, catalogue, assumed, "" none */
    uint64_t wire_bytes;                                    /* busiest direction of the busiest rank, one call; 0 unknown */
    uint64_t network_bytes;                                 /* busiest direction of the busiest host, one call; 0: one host, or unknown */
    int incast;                                             /* most ranks of other hosts that send to one rank; 0 none */
    int hops;                                               /* messages one after the other on the critical path; 0 unknown */
    int aggregate;                                          /* calls in one sample, back to back; 0 unknown */
    int64_t wrong;                                          /* elements; -1: not checked */
    char stopped[12];                                       /* precise, budget, fixed */
    char card_port[64]; /* network card of rank 0; "": none, or it counts nothing */
    /* Packets of all ports used during card_calls calls of this row alone. sent = payload + credits + acknowledgements + other (packets
     * sent again, other users of the ports). */
    int card_calls;
    uint64_t card_sent, card_received, card_payload, card_credits, card_acknowledgements, card_other, card_retried;
    double ratio, ratio_low, ratio_high; /* baseline time / our time, paired; NAN without */
};

struct record_pair {
    int from, to;
    char transport[16];
    double latency_us, one_way_GBps, both_ways_GBps; /* both_ways: sum of the two directions */
    bool outlier;
};

/* A run's free-form parts stay JSON: settings, environment, topology, versions, hosts. */
struct records {
    char *path;
    json_t *run;   /* the last run line, or NULL */
    json_t *notes; /* array of the note lines, or NULL */
    json_t *workloads; /* array of the workload lines, or NULL */
    json_t *plans; /* array of the plan lines, or NULL */
    json_t *gemms; /* array of the gemm lines, or NULL */
    struct record_case *cases;
    size_t ncases;
    struct record_pair *pairs;
    size_t npairs;
    size_t damaged; /* lines skipped */
};

/* Reads a file; lines of other kinds (fit, limit) are checked for syntax and otherwise left alone: they are derived.
 * tolerant: damaged lines are counted and warned of, else RB_EUSAGE at the first. RB_EUSAGE when nothing is usable. */
int records_read(struct records *r, const char *path, bool tolerant);
/* The same from memory; path is only for messages. */
int records_read_memory(struct records *r, const char *path, const char *bytes, size_t length, bool tolerant);
void records_free(struct records *r);

/* One complete line, flushed and on disk before it returns. RB_EUSAGE with the reason when it cannot be written. */
int records_write_case(FILE *out, const struct record_case *c);
int records_write_pair(FILE *out, const struct record_pair *p);
/* Steals nothing; adds "schema" and "kind" to a copy of the object. */
int records_write_json(FILE *out, const char *kind, const json_t *object);
/* The same without waiting for the disk: for what can be made again. */
int records_put_json(FILE *out, const char *kind, const json_t *object);
json_t *record_case_json(const struct record_case *c); /* a new reference */
/* about: "not_measured" (what was left out, and why), "machine" (what spoils the numbers), "" (anything else). text: a sentence. */
int records_write_note(FILE *out, const char *about, const char *text);

/* A list built in memory: zero-initialise, add, records_free(). The samples become the list's. */
void records_add_case(struct records *r, const struct record_case *c);
void records_add_pair(struct records *r, const struct record_pair *p);

/* The same case in two files or a baseline and its subject: collective, ranks, nodes, type, op, root, in_place and bytes agree. */
bool records_same_case(const struct record_case *a, const struct record_case *b);
/* The same curve: as above but for bytes, and algorithm, transport, protocol-independent, baseline, label, servers agree. */
bool records_same_curve(const struct record_case *a, const struct record_case *b);

/* results.csv: one row a case, header first; the columns are the JSON names. */
int records_write_csv(FILE *out, const struct records *r);

#endif
