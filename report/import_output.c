/* Names of links and their ends, and sources and links as JSON. */
#include "report/import.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

const char *import_link_kind_name(enum import_link_kind kind)
{
    static const char *const names[] = {
        [IMPORT_COPY] = "copy", [IMPORT_LATENCY] = "latency", [IMPORT_NOMINAL] = "nominal", [IMPORT_PATH] = "path"
    };
    return names[kind];
}

const char *import_end_name(char text[IMPORT_END_TEXT], int end)
{
    if (end >= IMPORT_NIC)
        snprintf(text, IMPORT_END_TEXT, "nic%d", (end - IMPORT_NIC) % 100000);
    else if (end >= 0)
        snprintf(text, IMPORT_END_TEXT, "%d", end);
    else
        strcpy(text, end == IMPORT_HOST ? "host" : end == IMPORT_ALL ? "all" : "switch");
    return text;
}

static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *known(int value, int unknown)
{
    return value == unknown ? json_null() : json_integer(value);
}

json_t *import_source_json(const struct import_source *s)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", s->name, "format", s->format, "source", s->address, "gpu", s->gpu, "gpus",
                          known(s->gpus, 0), "nodes", known(s->nodes, 0));
    const struct {
        const char *key, *value;
    } texts[] = {
        { "interconnect", s->interconnect }, { "transport", s->transport }, { "collective", s->collective }, { "algorithm", s->algorithm },
        { "nccl", s->nccl },                 { "tool", s->tool },           { "driver", s->driver },         { "cuda", s->cuda },
        { "note", s->note },
    };
    for (size_t i = 0; j != NULL && i < RB_LEN(texts); i++)
        json_object_set_new(j, texts[i].key, json_string_nocheck(texts[i].value));
    json_object_set_new(j, "nvls", s->nvls < 0 ? json_null() : json_boolean(s->nvls));
    json_object_set_new(j, "links_per_gpu", known(s->links, 0));
    json_object_set_new(j, "cases", json_integer((json_int_t)s->ncases));
    json_object_set_new(j, "links", json_integer((json_int_t)s->nlinks));
    json_object_set_new(j, "warnings", json_integer((json_int_t)s->warnings));
    return j;
}

json_t *import_link_json(const struct import *im, const struct import_link *l)
{
    char from[IMPORT_END_TEXT], to[IMPORT_END_TEXT];
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:b, s:b, s:s, s:s, s:o, s:o}", "source", im->sources[l->source].name, "evidence",
                     import_link_kind_name(l->kind), "test", l->test, "from", import_end_name(from, l->from), "to",
                     import_end_name(to, l->to), "index", l->index, "both_ways", l->both_ways, "loaded", l->loaded, "local", l->local,
                     "engine", l->engine, "path", l->path, "GBps", number(l->GBps), "latency_us", number(l->latency_us));
}
