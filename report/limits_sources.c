#include "report/limits_sources.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

static int open_file(struct limit_sources *s, const char *path)
{
    if (text_ends_with(path, ".jsonl")) {
        RB_TRY(records_read(&s->own, path, true));
        s->records = &s->own;
        return RB_OK;
    }
    RB_TRY(import_file(&s->published, path));
    s->records = &s->published.records;
    return RB_OK;
}

int limit_sources_open(struct limit_sources *s, const char *path)
{
    *s = (struct limit_sources){0};
    if (path != NULL && path[0] != '\0')
        return open_file(s, path);
    RB_TRY(published_load(&s->published));
    s->records = &s->published.records;
    return RB_OK;
}

void limit_sources_close(struct limit_sources *s)
{
    records_free(&s->own);
    import_free(&s->published);
    *s = (struct limit_sources){0};
}

void limits_echo_json(void *object, const char *name, const char *value)
{
    json_object_set_new(object, name, json_string(value));
}
