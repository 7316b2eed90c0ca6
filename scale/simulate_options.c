#include "scale/simulate_options.h"

#include "core/error.h"
#include "report/sheet.h"
#include "scale/draw.h"
#include "scale/study.h"

static const char *const engines[] = { "cost", "simgrid", "smpirun", NULL };
static const char *const placements[] = { "ordered", "scattered", NULL };
static const char *const protocols[] = { "auto", "bulk", "fast", "bare", NULL };

#define AT(field) OPTION_AT(simulate_settings, field)
static const struct option_row rows[] = {
    { 0, "cluster", NULL, OPTION_TEXT, AT(cluster), "8xH800, 128x8xH100 (nodes x GPUs x model), a preset (--list) or a file", NULL, 0, 0 },
    { 0, "algorithm", "ring_all_reduce", OPTION_TEXT, AT(algorithm), "one or several with commas between; \"list\" for all of them", NULL, 0, 0 },
    { 'n', "ranks", "0", OPTION_COUNT, AT(ranks), "GPUs that take part; 0: all of the cluster; of a study: only what has at most so many", NULL, 0, CLUSTER_MOST_GPUS },
    { 'b', "minbytes", "1M", OPTION_BYTES, AT(min_bytes), "smallest message", NULL, 0, 0 },
    { 'e', "maxbytes", "1G", OPTION_BYTES, AT(max_bytes), "largest message", NULL, 0, 0 },
    { 'f', "stepfactor", "4", OPTION_NUMBER, AT(factor), "factor from one size to the next", NULL, 1.001, 1e6 },
    { 0, "servers", "1", OPTION_COUNT, AT(servers), "parameter server: how many serve", NULL, 1, CLUSTER_MOST_GPUS },
    { 'r', "root", "0", OPTION_COUNT, AT(root), "root of broadcast and reduce", NULL, 0, CLUSTER_MOST_GPUS },
    { 0, "piece", "0", OPTION_BYTES, AT(piece), "cut chunks into pieces of at most this; 0: whole chunks", NULL, 0, 0 },
    { 0, "engine", "cost", OPTION_CHOICE, AT(engine), "our own model, or SimGrid's replay of the schedule (smpirun: by its own program, slower)", engines, 0, 0 },
    { 0, "protocol", "auto", OPTION_CHOICE, AT(protocol), "for large (bulk) or small messages (fast), auto: the faster; bare: bulk without a call's own cost", protocols, 0, 0 },
    { 0, "keep", NULL, OPTION_TEXT, AT(keep), "leave the simulator's platform and traces in this folder", NULL, 0, 0 },
    { 0, "every-rank", NULL, OPTION_FLAG, AT(every_rank), "play all ranks, also where one node stands for all", NULL, 0, 0 },
    { 0, "nic", NULL, OPTION_TEXT, AT(nic), "another card for the cluster", NULL, 0, 0 },
    { 0, "oversubscription", "0", OPTION_NUMBER, AT(oversubscription), "of the leaf switches' uplinks; 0: as the cluster says", NULL, 0, 1000 },
    { 0, "placement", NULL, OPTION_CHOICE, AT(placement), "neighbouring nodes on one leaf switch (ordered) or on different ones", placements, 0, 0 },
    { 0, "slow-node", NULL, OPTION_TEXT, AT(slow_node), "NODE:SHARE, its links at this share of their rate", NULL, 0, 0 },
    { 0, "slow-gpu", NULL, OPTION_TEXT, AT(slow_gpu), "GPU:SHARE, its port and card at this share of their rate", NULL, 0, 0 },
    { 0, "study", NULL, OPTION_CHOICE, AT(study), "a set of simulations instead of one: see below", study_names, 0, 0 },
    { 0, "agreement", NULL, OPTION_FLAG, AT(agreement), "predict every published log inside a node, and say how well", NULL, 0, 0 },
    { 0, "draw", NULL, OPTION_CHOICE, AT(draw), "only show the cluster", draw_formats, 0, 0 },
    { 0, "list", NULL, OPTION_FLAG, AT(list), "the clusters that have a name", NULL, 0, 0 },
    { 0, "output", NULL, OPTION_TEXT, AT(output), "also write the cases as records to this file (for fit, report, compare)", NULL, 0, 0 },
    { 0, "catalogue", NULL, OPTION_TEXT, AT(catalogue), "GPU, card or PCIe files over the shipped ones", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, AT(format), "how to print", sheet_formats, 0, 0 },
};

const struct option_table simulate_options = {
    "ringbench simulate --cluster C [--algorithm A] [-n N] [-b SIZE] [-e SIZE] [options]",
    "How long a collective takes on a cluster that nobody here owns, from its schedule step by step.", rows, RB_LEN(rows),
};
