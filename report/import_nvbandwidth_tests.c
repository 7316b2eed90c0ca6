#include "report/import_nvbandwidth.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

static enum nvb_shape shape_of(const char *name, const char *description)
{
    static const struct {
        const char *begin;
        enum nvb_shape shape;
    } rows[] = {
        { "host_to_device", NVB_FROM_HOST }, { "host_to_all", NVB_FROM_HOST }, { "host_device_latency", NVB_FROM_HOST },
        { "device_to_host", NVB_TO_HOST },   { "all_to_host", NVB_TO_HOST },   { "all_to_one", NVB_ALL_TO_ONE },
        { "one_to_all", NVB_ONE_TO_ALL },    { "device_local", NVB_LOCAL },
    };
    for (size_t i = 0; i < RB_LEN(rows); i++)
        if (import_begins(name, rows[i].begin))
            return rows[i].shape;
    if (!import_begins(name, "device_to_device"))
        return NVB_OTHER;
    const bool back = strstr(description, "<->") == NULL && strstr(description, "<-") != NULL;
    return back || strstr(name, "_read2") != NULL || strstr(name, "_write2") != NULL ? NVB_PAIRS_BACK : NVB_PAIRS;
}

/* "Read1" in the description names the matrix when a testcase prints three. */
static void add_part(struct nvb_test *t, const char *description)
{
    static const char *const parts[][2] = { { "Read1", "_read1" },   { "Read2", "_read2" }, { "Write1", "_write1" },
                                            { "Write2", "_write2" }, { "Total", "_total" } };
    const size_t used = strlen(t->name);
    for (size_t i = 0; i < RB_LEN(parts); i++)
        if (strstr(description, parts[i][0]) != NULL && !text_ends_with(t->name, parts[i][1]))
            snprintf(t->name + used, sizeof t->name - used, "%s", parts[i][1]);
}

struct nvb_test nvb_understand(const char *name, const char *description)
{
    struct nvb_test t = {0};
    import_copy(t.name, sizeof t.name, name, strlen(name));
    add_part(&t, description);
    const char *plain = import_begins(t.name, "multinode_") ? t.name + strlen("multinode_") : t.name;
    const bool sm = strstr(plain, "_sm") != NULL;
    if (sm || strstr(plain, "_ce") != NULL)
        memcpy(t.engine, sm ? "SM" : "CE", 3);
    t.shape = shape_of(plain, description);
    t.latency = strstr(plain, "latency") != NULL;
    const bool parted = text_ends_with(plain, "1") || text_ends_with(plain, "2"), total = text_ends_with(plain, "_total");
    const bool old_sum = sm && import_begins(plain, "device_to_device");
    if (strstr(plain, "bidirectional") != NULL) {
        t.both_ways = total || (old_sum && !parted);
        t.loaded = !t.both_ways;
    }
    return t;
}

bool nvb_add(struct import_reader *reader, const struct nvb_test *test, size_t line, const size_t at[2], double value)
{
    const int row = (int)at[0], column = (int)at[1];
    const bool pairs = test->shape == NVB_PAIRS || test->shape == NVB_PAIRS_BACK;
    if (isnan(value) || (pairs && row == column && value <= 0))
        return false;
    struct import_link l = import_no_link(test->latency ? IMPORT_LATENCY : IMPORT_COPY, line);
    static const int host[] = { [NVB_FROM_HOST] = IMPORT_HOST, [NVB_TO_HOST] = IMPORT_HOST, [NVB_ALL_TO_ONE] = IMPORT_ALL,
                                [NVB_ONE_TO_ALL] = IMPORT_ALL, [NVB_OTHER] = IMPORT_ALL };
    const bool outward = test->shape == NVB_TO_HOST || test->shape == NVB_ONE_TO_ALL || test->shape == NVB_PAIRS_BACK;
    const int other = pairs ? row : test->shape == NVB_LOCAL ? column : host[test->shape];
    memcpy(l.test, test->name, sizeof l.test);
    memcpy(l.engine, test->engine, sizeof l.engine);
    l.from = outward ? column : other;
    l.to = outward ? other : column;
    l.index = pairs ? 0 : row;
    l.both_ways = test->both_ways;
    l.loaded = test->loaded;
    l.local = l.from == l.to;
    if (test->latency)
        l.latency_us = value * 1e-3;
    else
        l.GBps = value;
    import_add_link(reader, &l);
    return true;
}

void nvb_cuda_version(struct import_source *s)
{
    uint64_t code;
    if (import_whole((struct import_word){ s->cuda, strlen(s->cuda) }, &code) && code >= 1000 && code < 1000000)
        snprintf(s->cuda, sizeof s->cuda, "%u.%u", (unsigned)(code / 1000), (unsigned)(code % 1000 / 10));
}
