#include "collectives/device/protocols.h"

#include "core/csv.h"
#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <string.h>

enum column { GPU, LINK, RANKS, ALGORITHM, UP_TO, PROTOCOL, COLUMNS };
static const char *const names[COLUMNS] = { "gpu", "link", "ranks", "algorithm", "up_to_bytes", "protocol" };

static int parse_protocol(const struct csv *csv, const struct csv_row *row, size_t column, int32_t *protocol_p)
{
    for (int p = PROTOCOL_SLOTS; p <= PROTOCOL_LL128; p++)
        if (strcmp(row->cells[column], comm_protocol_name((enum comm_protocol)p)) == 0) {
            *protocol_p = p;
            return RB_OK;
        }
    return csv_fail(csv, row, column, "'%s' is no protocol: slots, direct, ll or ll128", row->cells[column]);
}

static int parse_row(const struct csv *csv, const struct csv_row *row, const size_t *at, struct protocol_rule *rule, uint64_t *ranks_p)
{
    memset(rule, 0, sizeof *rule);
    snprintf(rule->algorithm, sizeof rule->algorithm, "%s", row->cells[at[ALGORITHM]]);
    rule->up_to = UINT64_MAX;
    if (!units_parse_count(row->cells[at[RANKS]], ranks_p) || *ranks_p < 1)
        return csv_fail(csv, row, at[RANKS], "'%s': a number of ranks", row->cells[at[RANKS]]);
    if (row->cells[at[UP_TO]][0] != '\0' && !units_parse_bytes(row->cells[at[UP_TO]], &rule->up_to))
        return csv_fail(csv, row, at[UP_TO], "'%s': bytes, or nothing for all that is larger", row->cells[at[UP_TO]]);
    return parse_protocol(csv, row, at[PROTOCOL], &rule->protocol);
}

static bool is_about(const struct csv_row *row, const size_t *at, const char *gpu, const char *link)
{
    const char *word = row->cells[at[GPU]];
    return word[0] != '\0' && strcasestr(gpu, word) != NULL && strcmp(row->cells[at[LINK]], link) == 0;
}

static double distance(uint64_t ranks, int nranks)
{
    return fabs(log((double)ranks / nranks));
}

static int read_rows(struct protocol_rules *rules, const struct csv *csv, const size_t *at, const char *gpu, const char *link, int nranks)
{
    double nearest = INFINITY;
    for (size_t i = 0; i < csv->nrows; i++) {
        struct protocol_rule rule;
        uint64_t ranks;
        RB_TRY(parse_row(csv, &csv->rows[i], at, &rule, &ranks));
        if (!is_about(&csv->rows[i], at, gpu, link) || distance(ranks, nranks) > nearest)
            continue;
        if (distance(ranks, nranks) < nearest)
            rules->count = 0;
        nearest = distance(ranks, nranks);
        if (rules->count == PROTOCOL_RULES)
            return csv_fail(csv, &csv->rows[i], at[GPU], "more than %d rows for one GPU, link and number of ranks", PROTOCOL_RULES);
        rules->rule[rules->count++] = rule;
    }
    return RB_OK;
}

int protocols_read(struct protocol_rules *rules, const char *path, const char *gpu, const char *link, int nranks)
{
    struct csv csv;
    size_t at[COLUMNS];
    memset(rules, 0, sizeof *rules);
    RB_TRY(csv_read(&csv, path));
    int rc = RB_OK;
    for (int c = 0; c < COLUMNS && rc == RB_OK; c++)
        rc = csv_need_column(&csv, names[c], &at[c]);
    if (rc == RB_OK)
        rc = read_rows(rules, &csv, at, gpu, link, nranks);
    csv_free(&csv);
    return rc;
}

enum comm_protocol protocols_find(const struct protocol_rules *rules, const char *algorithm, uint64_t bytes)
{
    for (int i = 0; i < rules->count; i++)
        if (strcmp(rules->rule[i].algorithm, algorithm) == 0 && bytes <= rules->rule[i].up_to)
            return (enum comm_protocol)rules->rule[i].protocol;
    return PROTOCOL_AUTO;
}
