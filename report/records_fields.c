#include "report/records_fields.h"

#include "core/csv.h"
#include "core/error.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define AT(type, member) .offset = offsetof(struct type, member), .size = sizeof(((struct type *)NULL)->member)
#define CASE(member) #member, FIELD_REAL, AT(record_case, member)

static const struct field case_fields[] = {
    { NULL, "collective", FIELD_TEXT, AT(record_case, collective), .needed = true },
    { NULL, "algorithm", FIELD_TEXT, AT(record_case, algorithm), .needed = true },
    { NULL, "transport", FIELD_TEXT, AT(record_case, transport), .needed = true },
    { NULL, "protocol", FIELD_TEXT, AT(record_case, protocol) },
    { NULL, "baseline", FIELD_BASELINE, AT(record_case, baseline) },
    { NULL, "chosen", FIELD_TEXT, AT(record_case, chosen) },
    { NULL, "label", FIELD_TEXT, AT(record_case, label) },
    { NULL, "evidence", FIELD_TEXT, AT(record_case, evidence) },
    { NULL, "gpu", FIELD_TEXT, AT(record_case, gpu) },
    { NULL, "source", FIELD_TEXT, AT(record_case, source) },
    { NULL, "ranks", FIELD_INT, AT(record_case, ranks), .least = 1, .needed = true },
    { NULL, "nodes", FIELD_INT, AT(record_case, nodes), .least = 1 },
    { NULL, "servers", FIELD_INT, AT(record_case, servers), .least = 0 },
    { NULL, "type", FIELD_TEXT, AT(record_case, type) },
    { NULL, "op", FIELD_TEXT, AT(record_case, op) },
    { NULL, "root", FIELD_INT, AT(record_case, root), .least = -1 },
    { NULL, "in_place", FIELD_BOOL, AT(record_case, in_place) },
    { NULL, "bytes", FIELD_COUNT, AT(record_case, bytes), .needed = true },
    { NULL, "count", FIELD_COUNT, AT(record_case, count) },
    { "time_us", "median", FIELD_REAL, AT(record_case, time_us.median), .needed = true },
    { "time_us", "min", FIELD_REAL, AT(record_case, time_us.min) },
    { "time_us", "p95", FIELD_REAL, AT(record_case, time_us.p95) },
    { "time_us", "p99", FIELD_REAL, AT(record_case, time_us.p99) },
    { "time_us", "ci95", FIELD_REAL, AT(record_case, time_us.ci_low), .element = 1 },
    { "time_us", "ci95", FIELD_REAL, AT(record_case, time_us.ci_high), .element = 2 },
    { "time_us", "cv", FIELD_REAL, AT(record_case, time_us.cv) },
    { "time_us", "n", FIELD_COUNT, AT(record_case, time_us.n) },
    { NULL, CASE(algbw_GBps) },
    { NULL, CASE(busbw_GBps) },
    { NULL, CASE(wire_GBps) },
    { NULL, CASE(ceiling_GBps) },
    { NULL, "ceiling_from", FIELD_TEXT, AT(record_case, ceiling_from) },
    { NULL, "wire_bytes", FIELD_COUNT, AT(record_case, wire_bytes) },
    { NULL, "network_bytes", FIELD_COUNT, AT(record_case, network_bytes) },
    { NULL, "incast", FIELD_INT, AT(record_case, incast), .least = 0 },
    { NULL, "hops", FIELD_INT, AT(record_case, hops), .least = 0 },
    { NULL, "aggregate", FIELD_INT, AT(record_case, aggregate), .least = 0 },
    { NULL, "wrong", FIELD_CHECKED, AT(record_case, wrong) },
    { NULL, "stopped", FIELD_TEXT, AT(record_case, stopped) },
    { "card", "port", FIELD_TEXT, AT(record_case, card_port) },
    { "card", "calls", FIELD_INT, AT(record_case, card_calls), .least = 0 },
    { "card", "sent", FIELD_COUNT, AT(record_case, card_sent) },
    { "card", "received", FIELD_COUNT, AT(record_case, card_received) },
    { "card", "payload", FIELD_COUNT, AT(record_case, card_payload) },
    { "card", "credits", FIELD_COUNT, AT(record_case, card_credits) },
    { "card", "acknowledgements", FIELD_COUNT, AT(record_case, card_acknowledgements) },
    { "card", "other", FIELD_COUNT, AT(record_case, card_other) },
    { "card", "retried", FIELD_COUNT, AT(record_case, card_retried) },
    { NULL, CASE(ratio) },
    { NULL, CASE(ratio_low) },
    { NULL, CASE(ratio_high) },
};

static const struct field pair_fields[] = {
    { NULL, "from", FIELD_INT, AT(record_pair, from), .least = 0, .needed = true },
    { NULL, "to", FIELD_INT, AT(record_pair, to), .least = 0, .needed = true },
    { NULL, "transport", FIELD_TEXT, AT(record_pair, transport) },
    { NULL, "latency_us", FIELD_REAL, AT(record_pair, latency_us) },
    { NULL, "one_way_GBps", FIELD_REAL, AT(record_pair, one_way_GBps) },
    { NULL, "both_ways_GBps", FIELD_REAL, AT(record_pair, both_ways_GBps) },
    { NULL, "outlier", FIELD_BOOL, AT(record_pair, outlier) },
};

const struct field_table case_table = { "case", case_fields, RB_LEN(case_fields) };
const struct field_table pair_table = { "pair", pair_fields, RB_LEN(pair_fields) };

static json_t *real_json(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *text_json(const char *s)
{
    json_t *j = json_string(s); /* NULL when it is no UTF-8: an imported log may hold anything */
    return j != NULL ? j : json_string("?");
}

static json_t *value_json(const struct field *f, const void *record)
{
    const void *at = (const char *)record + f->offset;
    switch (f->kind) {
    case FIELD_TEXT:
        return text_json(at);
    case FIELD_BASELINE:
        return *(const char *)at == '\0' ? json_false() : text_json(at);
    case FIELD_BOOL:
        return json_boolean(*(const bool *)at);
    case FIELD_INT:
        return json_integer(*(const int *)at);
    case FIELD_COUNT:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case FIELD_CHECKED:
        return *(const int64_t *)at < 0 ? json_null() : json_integer(*(const int64_t *)at);
    case FIELD_REAL:
        return real_json(*(const double *)at);
    }
    return json_null();
}

static json_t *child(json_t *object, const char *name, json_t *(*make)(void))
{
    if (json_object_get(object, name) == NULL)
        json_object_set_new(object, name, make());
    return json_object_get(object, name);
}

json_t *fields_json(const struct field_table *table, const void *record)
{
    json_t *all = json_object();
    for (size_t i = 0; i < table->count; i++) {
        const struct field *f = &table->fields[i];
        json_t *home = f->group == NULL ? all : child(all, f->group, json_object);
        if (f->element > 0)
            json_array_append_new(child(home, f->name, json_array), value_json(f, record));
        else
            json_object_set_new(home, f->name, value_json(f, record));
    }
    return all;
}

static void set_neutral(const struct field *f, void *at)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_BASELINE:
        *(char *)at = '\0';
        break;
    case FIELD_BOOL:
        *(bool *)at = false;
        break;
    case FIELD_INT:
        *(int *)at = f->least;
        break;
    case FIELD_COUNT:
        *(uint64_t *)at = 0;
        break;
    case FIELD_CHECKED:
        *(int64_t *)at = -1;
        break;
    case FIELD_REAL:
        *(double *)at = NAN;
        break;
    }
}

static const char *type_word(const json_t *j)
{
    static const char *const words[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a text", [JSON_INTEGER] = "a whole number",
        [JSON_REAL] = "a fraction", [JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null",
    };
    return words[json_typeof(j)];
}

/* NULL when the value fits, else what would have been right. */
static const char *store_text(const struct field *f, const json_t *j, void *at)
{
    if (f->kind == FIELD_BASELINE && (json_is_false(j) || json_is_null(j)))
        return NULL;
    if (!json_is_string(j))
        return f->kind == FIELD_BASELINE ? "false or the baseline's name" : "a text";
    if (json_string_length(j) >= f->size)
        return "a shorter text";
    memcpy(at, json_string_value(j), json_string_length(j) + 1);
    return NULL;
}

static const char *store_number(const struct field *f, const json_t *j, void *at)
{
    if (f->kind == FIELD_REAL) {
        if (!json_is_number(j) || json_number_value(j) < 0)
            return "a number of at least 0, or null";
        *(double *)at = json_number_value(j);
        return NULL;
    }
    const json_int_t v = json_integer_value(j);
    if (f->kind == FIELD_INT) {
        if (!json_is_integer(j) || v < f->least || v > INT32_MAX)
            return f->least > 0 ? "a whole number of at least 1" : f->least == 0 ? "a whole number of at least 0" : "-1 or a rank";
        *(int *)at = (int)v;
        return NULL;
    }
    if (!json_is_integer(j) || v < 0)
        return "a whole number of at least 0";
    if (f->kind == FIELD_COUNT)
        *(uint64_t *)at = (uint64_t)v;
    else
        *(int64_t *)at = v;
    return NULL;
}

static const char *store(const struct field *f, const json_t *j, void *at)
{
    if (f->kind == FIELD_TEXT || f->kind == FIELD_BASELINE)
        return store_text(f, j, at);
    if (f->kind == FIELD_BOOL) {
        *(bool *)at = json_is_true(j);
        return json_is_boolean(j) ? NULL : "true or false";
    }
    return json_is_null(j) && (!f->needed || f->kind == FIELD_REAL) && f->kind != FIELD_INT ? NULL : store_number(f, j, at);
}

static bool complain(const struct field *f, const json_t *found, const char *right, char why[160])
{
    const char *group = f->group != NULL ? f->group : "", *dot = f->group != NULL ? "." : "";
    if (found == NULL)
        snprintf(why, 160, "\"%s%s%s\" is missing", group, dot, f->name);
    else
        snprintf(why, 160, "\"%s%s%s\": %s is expected here, not %s", group, dot, f->name, right, type_word(found));
    return false;
}

/* The member's value; NULL when absent. *holder_p: what stands in its place when that is no object or array. */
static const json_t *look_up(const struct field *f, const json_t *object, const json_t **holder_p)
{
    const json_t *home = f->group == NULL ? object : json_object_get(object, f->group);
    const json_t *j = json_object_get(home, f->name);
    *holder_p = home != NULL && !json_is_object(home) && !json_is_null(home) ? home : NULL;
    if (f->element == 0 || j == NULL || json_is_null(j))
        return j;
    if (json_array_size(j) != 2)
        *holder_p = j;
    return json_array_get(j, (size_t)f->element - 1);
}

bool fields_parse(const struct field_table *table, const json_t *object, void *record, char why[160])
{
    for (size_t i = 0; i < table->count; i++) {
        const struct field *f = &table->fields[i];
        void *at = (char *)record + f->offset;
        const json_t *holder;
        const json_t *j = look_up(f, object, &holder);
        set_neutral(f, at);
        if (holder != NULL)
            return complain(f, holder, f->element > 0 ? "an array of two numbers" : "an object with this member", why);
        if (j == NULL && f->needed)
            return complain(f, NULL, "", why);
        const char *right = j != NULL ? store(f, j, at) : NULL;
        if (right != NULL)
            return complain(f, j, right, why);
    }
    return true;
}

void fields_csv_header(FILE *out, const struct field_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct field *f = &table->fields[i];
        fprintf(out, "%s%s%s%s%s", i > 0 ? "," : "", f->group != NULL ? f->group : "", f->group != NULL ? "_" : "", f->name,
                f->element == 1 ? "_low" : f->element == 2 ? "_high" : "");
    }
    fputc('\n', out);
}

static void put_value(FILE *out, const struct field *f, const void *at)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_BASELINE:
        csv_put(out, at);
        break;
    case FIELD_BOOL:
        fputs(*(const bool *)at ? "true" : "false", out);
        break;
    case FIELD_INT:
        fprintf(out, "%d", *(const int *)at);
        break;
    case FIELD_COUNT:
        fprintf(out, "%" PRIu64, *(const uint64_t *)at);
        break;
    case FIELD_CHECKED:
        if (*(const int64_t *)at >= 0)
            fprintf(out, "%" PRId64, *(const int64_t *)at);
        break;
    case FIELD_REAL:
        if (isfinite(*(const double *)at))
            fprintf(out, "%.9g", *(const double *)at);
        break;
    }
}

void fields_csv_row(FILE *out, const struct field_table *table, const void *record)
{
    for (size_t i = 0; i < table->count; i++) {
        if (i > 0)
            fputc(',', out);
        put_value(out, &table->fields[i], (const char *)record + table->fields[i].offset);
    }
    fputc('\n', out);
}
