#include "bench/packets.h"

#include "core/error.h"
#include "core/units.h"

#include <stdio.h>

static const double enough_sec = 0.02; /* as long as the counters take to be read */

enum { MOST_CALLS = 64, ROW_TEXT = 160 };

static const char refused[] = "its bytes did not go through the network card";

int packets_begin(struct session *s, struct packets_before *before)
{
    for (size_t i = 0; i < s->nchannels; i++)
        RB_TRY(card_begin(s->channels[i].comm, &before->of[i]));
    return RB_OK;
}

/* trial NULL: all rows over this communicator. */
static const char *name_rows(const struct unit *u, const struct trial *t, const struct comm *comm, char text[ROW_TEXT])
{
    char bytes[UNITS_TEXT];
    snprintf(text, ROW_TEXT, "%s %s over %s, %s%s", collective_get(u->suite->collective)->name,
             t != NULL ? t->subject->algorithm->family : "(all rows)", comm_transport(comm), units_bytes(bytes, u->size->bytes),
             u->in_place ? ", in place" : "");
    return text;
}

static bool is_counted(const struct trial *t)
{
    return t->absent == NULL && t->operation != NULL && card_has(t->comm);
}

static void refuse(struct unit *u, struct trial *t)
{
    t->absent = refused;
    u->refused++;
}

static int judge_together(struct unit *u, struct comm *comm, const struct transport_card *then)
{
    char rows[ROW_TEXT];
    struct card_packets all;
    const int rc = card_end(comm, then, name_rows(u, NULL, comm, rows), &all);
    for (size_t i = 0; rc == RB_EDATA && i < u->suite->nsubjects; i++)
        if (u->trials[i].comm == comm && is_counted(&u->trials[i]))
            refuse(u, &u->trials[i]);
    return rc == RB_EDATA ? RB_OK : rc;
}

static int calls_of(const struct trial *t)
{
    const double calls = t->mean_sec > 0 ? enough_sec / t->mean_sec : 1;
    return calls < 1 ? 1 : calls < MOST_CALLS ? (int)calls : MOST_CALLS;
}

static int judge_row(struct session *s, struct unit *u, struct trial *t)
{
    char row[ROW_TEXT];
    struct transport_card then;
    struct place place;
    t->card_calls = calls_of(t);
    RB_TRY(card_begin(t->comm, &then));
    for (int i = 0; i < t->card_calls; i++) {
        layout_place(&u->layout, s->region, (size_t)i, &place);
        RB_TRY(operation_run(t->operation, place.in, place.out));
    }
    const int rc = card_end(t->comm, &then, name_rows(u, t, t->comm, row), &t->card);
    if (rc == RB_EDATA)
        refuse(u, t);
    return rc == RB_EDATA ? RB_OK : rc;
}

int packets_end(struct session *s, struct unit *u, const struct packets_before *before)
{
    for (size_t i = 0; i < s->nchannels; i++)
        if (card_has(s->channels[i].comm))
            RB_TRY(judge_together(u, s->channels[i].comm, &before->of[i]));
    for (size_t i = 0; i < u->suite->nsubjects; i++)
        if (is_counted(&u->trials[i]))
            RB_TRY(judge_row(s, u, &u->trials[i]));
    return RB_OK;
}
