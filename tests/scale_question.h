/* tests/scale_question.h - a simulation in one line of a test: cluster, algorithm, bytes and what differs from the usual. */
#ifndef RB_TESTS_SCALE_QUESTION_H
#define RB_TESTS_SCALE_QUESTION_H

#include "scale/simulate.h"
#include "tests/scale_data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct question {
    const char *cluster, *algorithm, *engine; /* engine NULL: cost */
    int ranks, servers;                       /* 0: all GPUs, one server */
    uint64_t bytes, piece;
    const char *key, *value; /* a change of the cluster; NULL: none */
    bool every_rank, no_latency;
};

static struct simulated answer(const struct question *q)
{
    struct cluster c;
    struct simulated r;
    assert_int_equal(cluster_load(&c, q->cluster, &catalogue, &links), RB_OK);
    if (q->key != NULL)
        assert_int_equal(cluster_change(&c, q->key, q->value, &catalogue, &links), RB_OK);
    if (q->no_latency) {
        assert_int_equal(cluster_change(&c, "link_us", "0", &catalogue, &links), RB_OK);
        assert_int_equal(cluster_change(&c, "nic_us", "0", &catalogue, &links), RB_OK);
    }
    struct simulation s = { .cluster = &c, .algorithm = algorithm_find(q->algorithm), .engine = q->engine != NULL ? q->engine : "cost", .protocol = "bare",
                            .bytes = q->bytes, .piece_bytes = q->piece, .every_rank = q->every_rank,
                            .group = { .nranks = q->ranks > 0 ? q->ranks : cluster_gpus(&c), .servers = q->servers > 0 ? q->servers : 1 } };
    assert_int_equal(simulation_check(&s), RB_OK);
    assert_int_equal(simulate(&s, &r), RB_OK);
    cluster_free(&c);
    return r;
}

static void near(double got, double want, double tolerance, const char *what, double at)
{
    if (!(fabs(got / want - 1) <= tolerance))
        fail_msg("%s at %g: %.9g where %.9g is expected", what, at, got, want);
}

#endif
