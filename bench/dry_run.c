#include "bench/dry_run.h"

#include "bench/sweep.h"
#include "core/error.h"
#include "core/units.h"

#include <string.h>

static void print_suite(const struct suite *suite, FILE *out)
{
    const struct collective *c = collective_get(suite->collective);
    char low[UNITS_TEXT], high[UNITS_TEXT];
    fprintf(out, "%s, %s%s%s", c->name, c->reduces ? op_name(suite->op) : "", c->reduces ? " of " : "", type_name(suite->type));
    if (c->rooted)
        fprintf(out, ", root %d", suite->root);
    fprintf(out, ": %zu sizes, %s to %s, %s\n", suite->nsizes, units_bytes(low, suite->sizes[0].bytes),
            units_bytes(high, suite->sizes[suite->nsizes - 1].bytes), suite_placements(suite) == 2 ? "out of place and in place" : "out of place");
    for (size_t i = 0; i < suite->nsubjects; i++) {
        const struct subject *subject = &suite->subjects[i];
        const int servers = subject->servers > 0 ? subject->servers : suite->servers;
        fprintf(out, "  %s over %s", subject->algorithm != NULL ? subject->algorithm->name : "baseline", subject->transport);
        if (subject->protocol != PROTOCOL_AUTO)
            fprintf(out, ", %s", comm_protocol_name(subject->protocol));
        if (servers > 0)
            fprintf(out, ", %d server%s", servers, servers == 1 ? "" : "s");
        fprintf(out, "\n");
    }
}

int dry_run_print(const struct session *s, const struct cases *cases, FILE *out)
{
    char most[UNITS_TEXT], buffers[UNITS_TEXT];
    if (s->settings->pairs) {
        fprintf(out, "every ordered pair of %d ranks: %d pairs, three figures each\n", s->job->nranks, s->job->nranks * (s->job->nranks - 1));
        return RB_OK;
    }
    for (size_t i = 0; i < cases->nsuites; i++)
        print_suite(&cases->suites[i], out);
    fprintf(out, "%zu cases by %d rank%s, buffers of %s a rank; about %s of measuring at most, less where it is precise sooner\n", cases->total,
            s->job->nranks, s->job->nranks == 1 ? "" : "s", units_bytes(buffers, cases->max_bytes), units_seconds(most, sweep_estimate(s->settings, cases)));
    return RB_OK;
}
