#include "bench/baselines.h"

#include "core/error.h"
#include "core/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Words by commas; an empty list is one NULL, as is each `none`. */
struct words {
    char *word[SETTINGS_BASELINES];
    size_t count;
};

static int split(struct words *w, const char *list, const char *none, const char *option)
{
    char *copy = rb_strdup(list != NULL ? list : none), *at = copy;
    *w = (struct words){0};
    for (char *word; (word = strsep(&at, ",")) != NULL;) {
        if (w->count < SETTINGS_BASELINES)
            w->word[w->count] = word[0] != '\0' && strcmp(word, none) != 0 ? rb_strdup(word) : NULL;
        w->count++;
    }
    free(copy);
    if (w->count <= SETTINGS_BASELINES)
        return RB_OK;
    return rb_fail(RB_EUSAGE, "%s: %zu of them, at most %d can take turns", option, w->count, SETTINGS_BASELINES);
}

static void free_words(struct words *w)
{
    for (size_t i = 0; i < w->count && i < SETTINGS_BASELINES; i++)
        free(w->word[i]);
}

static char *copy_of(const char *word)
{
    return word != NULL ? rb_strdup(word) : NULL;
}

/* Libraries are told apart by their versions, or by their place in the list where they do not tell one. */
static void name_it(struct baselines *b, struct baseline_subject *one, bool with_version)
{
    char version[160];
    struct text name = {0};
    text_add(&name, "%s", one->ops->name);
    if (with_version && one->ops->identify(one->library, version, sizeof version))
        text_add(&name, "-%.8s", version);
    else if (with_version)
        text_add(&name, "-%zu", b->count + 1);
    if (one->algorithm != NULL)
        text_add(&name, "-%.6s", one->algorithm);
    for (char *c = name.chars; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    if (baselines_find(b, name.chars) != NULL)
        text_add(&name, ".%zu", b->count + 1);
    snprintf(one->name, sizeof one->name, "%s", name.chars);
    text_free(&name);
}

static int name_all(struct baselines *b, const struct baseline_ops *ops, const struct words *libraries, const struct words *choices)
{
    if (libraries->count * choices->count > SETTINGS_BASELINES)
        return rb_fail(RB_EUSAGE, "--nccl and --nccl-algo: %zu baselines, at most %d can take turns", libraries->count * choices->count, SETTINGS_BASELINES);
    for (size_t i = 0; i < libraries->count; i++)
        for (size_t k = 0; k < choices->count; k++) {
            struct baseline_subject *one = &b->list[b->count];
            *one = (struct baseline_subject){ .ops = ops, .library = copy_of(libraries->word[i]), .algorithm = copy_of(choices->word[k]) };
            name_it(b, one, libraries->count > 1);
            b->count++;
        }
    return RB_OK;
}

int baselines_name(struct baselines *b, struct settings *s)
{
    const struct baseline_ops *ops = baseline_find(s->baseline);
    struct words libraries = { .count = 1 }, choices = { .count = 1 };
    int rc = RB_OK;
    if (ops == NULL)
        return RB_OK;
    b->equal_ctas = strcmp(s->nccl_ctas, "equal") == 0;
    b->cta_policy = (int)s->cta_policy;
    if (ops->identify != NULL) {
        rc = split(&libraries, s->nccl, "", "--nccl");
        if (rc == RB_OK)
            rc = split(&choices, s->nccl_algorithms, "auto", "--nccl-algo");
    }
    if (rc == RB_OK)
        rc = name_all(b, ops, &libraries, &choices);
    free_words(&libraries);
    free_words(&choices);
    for (size_t i = 0; i < b->count; i++)
        s->baselines[i] = b->list[i].name;
    s->nbaselines = b->count;
    return rc;
}

int baselines_open(struct baselines *b, struct job *job, struct comm *comm)
{
    for (size_t i = 0; i < b->count; i++) {
        struct baseline_subject *one = &b->list[i];
        const struct baseline_setup setup = { .job = job, .comm = comm, .library = one->library, .algorithm = one->algorithm,
                                              .equal_ctas = b->equal_ctas, .cta_policy = b->cta_policy };
        RB_TRY(one->ops->open(&one->open, &setup, one->absent, sizeof one->absent));
        if (one->open == NULL)
            rb_note("--baseline %s: n/a: %s", one->name, one->absent);
    }
    return RB_OK;
}

void baselines_close(struct baselines *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->list[i].open != NULL)
            b->list[i].ops->close(b->list[i].open);
        free(b->list[i].library);
        free(b->list[i].algorithm);
    }
    b->count = 0;
}

const struct baseline_subject *baselines_find(const struct baselines *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->list[i].name, name) == 0)
            return &b->list[i];
    return NULL;
}

json_t *baselines_versions(const struct baselines *b)
{
    struct text all = {0};
    for (size_t i = 0; i < b->count; i++)
        if (b->list[i].open != NULL)
            text_add(&all, "%s%s", all.length > 0 ? "; " : "", b->list[i].open->version);
    json_t *json = all.length > 0 ? json_string(all.chars) : json_null();
    text_free(&all);
    return json;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

json_t *baselines_json(const struct baselines *b)
{
    json_t *array = json_array();
    for (size_t i = 0; i < b->count; i++) {
        const struct baseline_subject *one = &b->list[i];
        json_t *object = json_object();
        json_object_set_new(object, "name", json_string(one->name));
        json_object_set_new(object, "library", text_or_null(one->library));
        json_object_set_new(object, "asked_algorithm", text_or_null(one->algorithm));
        json_object_set_new(object, "version", text_or_null(one->open != NULL ? one->open->version : NULL));
        json_object_set_new(object, "absent", text_or_null(one->open == NULL ? one->absent : NULL));
        json_array_append_new(array, object);
    }
    return array;
}
