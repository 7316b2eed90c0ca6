#include "report/protocols.h"

#include "core/csv.h"
#include "core/error.h"

#include <inttypes.h>
#include <string.h>

void protocols_write_head(FILE *out)
{
    fprintf(out, "gpu,link,ranks,algorithm,up_to_bytes,protocol,source\n");
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* As collectives/device/protocols.c tells them apart. */
static const char *link_of(const json_t *run)
{
    const json_t *all = json_object_get(run, "placement"), *first = json_array_get(all, 0);
    if (strcmp(member(run, "transport"), "cuda_peer") != 0)
        return "staged";
    for (size_t i = 1; i < json_array_size(all); i++)
        if (strcmp(member(json_array_get(all, i), "bus"), member(first, "bus")) != 0)
            return "peer";
    return "one_gpu";
}

static bool is_wanted(const struct record_case *c, const char *algorithm)
{
    return c->baseline[0] == '\0' && c->label[0] == '\0' && !c->in_place && strcmp(c->collective, "all_reduce") == 0 && c->time_us.median > 0 &&
           (algorithm == NULL || strcmp(c->algorithm, algorithm) == 0);
}

static const struct record_case *fastest(const struct records *r, const char *algorithm, uint64_t bytes)
{
    const struct record_case *best = NULL;
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *c = &r->cases[i];
        if (is_wanted(c, algorithm) && c->bytes == bytes && (best == NULL || c->time_us.median < best->time_us.median))
            best = c;
    }
    return best;
}

static uint64_t next_size(const struct records *r, const char *algorithm, uint64_t after)
{
    uint64_t next = 0;
    for (size_t i = 0; i < r->ncases; i++)
        if (is_wanted(&r->cases[i], algorithm) && r->cases[i].bytes > after && (next == 0 || r->cases[i].bytes < next))
            next = r->cases[i].bytes;
    return next;
}

static void put_row(FILE *out, const struct records *r, const struct record_case *c, uint64_t up_to)
{
    csv_put(out, member(json_array_get(json_object_get(r->run, "placement"), 0), "device"));
    fprintf(out, ",%s,%d,%s,", link_of(r->run), c->ranks, c->algorithm);
    if (up_to > 0)
        fprintf(out, "%" PRIu64, up_to);
    fprintf(out, ",%s,measured %.10s\n", c->protocol, member(r->run, "date"));
}

/* Up to the last size at which a protocol was the fastest; the last row is for all that is larger. */
static void put_algorithm(FILE *out, const struct records *r, const char *algorithm)
{
    const struct record_case *before = NULL;
    for (uint64_t b = next_size(r, algorithm, 0); b > 0; b = next_size(r, algorithm, b)) {
        const struct record_case *now = fastest(r, algorithm, b);
        if (before != NULL && strcmp(before->protocol, now->protocol) != 0)
            put_row(out, r, before, before->bytes);
        before = now;
    }
    if (before != NULL)
        put_row(out, r, before, 0);
}

static bool has_choice(const struct records *r)
{
    const struct record_case *first = NULL;
    for (size_t i = 0; i < r->ncases; i++) {
        if (!is_wanted(&r->cases[i], NULL))
            continue;
        if (first != NULL && strcmp(first->protocol, r->cases[i].protocol) != 0)
            return true;
        first = first != NULL ? first : &r->cases[i];
    }
    return false;
}

int protocols_write(FILE *out, const struct records *r)
{
    const json_t *first = json_array_get(json_object_get(r->run, "placement"), 0);
    if (member(first, "bus")[0] == '\0')
        return rb_fail(RB_EUSAGE, "%s: its ranks are not on GPUs", r->path);
    if (!has_choice(r))
        return rb_fail(RB_EUSAGE, "%s: all-reduces by one protocol only: measure with --protocol all", r->path);
    for (size_t i = 0; i < r->ncases; i++) {
        bool known = !is_wanted(&r->cases[i], NULL);
        for (size_t k = 0; k < i && !known; k++)
            known = is_wanted(&r->cases[k], r->cases[i].algorithm);
        if (!known)
            put_algorithm(out, r, r->cases[i].algorithm);
    }
    return RB_OK;
}
