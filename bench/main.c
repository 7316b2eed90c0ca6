#include "bench/run.h"
#include "bench/schedule_command.h"
#include "bench/version.h"
#include "bench/workloads.h"
#include "core/error.h"
#include "core/text.h"
#include "report/claims.h"
#include "report/compare.h"
#include "report/import.h"
#include "report/limits.h"
#include "report/purchase.h"
#include "report/report.h"
#include "report/validate.h"
#include "scale/draw.h"
#include "scale/plan_command.h"
#include "scale/simulate_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One row a command; each returns its exit code, or a negative enum rb_error. */
static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    { "run", run_command, "measure, fit, limits and plots into ringbench-out/ (the default)" },
    { "topo", draw_topo_command, "the machine, or --cluster C: graph, path classes, ceilings, ring order" },
    { "limits", limits_command, "how far a model can be split, per GPU model and link" },
    { "claims", claims_command, "the documents' claims, recomputed" },
    { "validate", validate_command, "does a machine, log or emulation agree with a GPU's nominal links" },
    { "purchase", purchase_command, "cost and throughput per GPU model and server" },
    { "import", import_command, "logs of nccl-tests, nvbandwidth and others -> records" },
    { "report", report_command, "plots, CSV and the HTML page again from results.jsonl" },
    { "compare", compare_command, "did it get slower? a statistical test" },
    { "schedule", schedule_command, "an algorithm's steps, proof, bytes and cost" },
    { "simulate", simulate_command, "what a collective takes on a cluster that nobody here owns" },
    { "plan", plan_command, "how to split a model's training over a cluster" },
    { "workload", workload_command, "training steps and decoding between the ranks: predicted and measured" },
};

static int list(void)
{
    printf("usage: [mpirun -n N] ringbench [command] [options]\n\n");
    for (size_t i = 0; i < RB_LEN(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\nringbench COMMAND --help tells its options; --version the version.\n");
    return 0;
}

static int unknown(const char *word)
{
    const char *names[RB_LEN(commands)];
    for (size_t i = 0; i < RB_LEN(commands); i++)
        names[i] = commands[i].name;
    const char *near = text_nearest(word, names, RB_LEN(commands));
    return near != NULL ? rb_fail(RB_EUSAGE, "'%s': no such command; did you mean %s?", word, near)
                        : rb_fail(RB_EUSAGE, "'%s': no such command; ringbench help lists them", word);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2 || (argv[1][0] == '-' && strcmp(argv[1], "--version") != 0))
        return run_command(argc, argv);
    if (strcmp(argv[1], "--version") == 0)
        return printf("ringbench %s\n", RINGBENCH_VERSION) > 0 ? 0 : RB_EINTERNAL;
    if (strcmp(argv[1], "help") == 0)
        return list();
    for (size_t i = 0; i < RB_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown(argv[1]);
}

int main(int argc, char **argv)
{
    int result = dispatch(argc, argv);
    if (result == 0 && fflush(stdout) != 0)
        result = rb_fail(RB_EINTERNAL, "the output cannot be written: %s", strerror(errno));
    return result < 0 ? rb_exit_code(result) : result;
}
