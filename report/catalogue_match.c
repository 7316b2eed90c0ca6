/* Names as people and drivers write them, and the figures that need a rule to be read. */
#include "report/catalogue.h"

#include "core/error.h"
#include "core/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 16, WORD_BYTES = 48, CANDIDATES = 6 };

/* A name in lower case, without makers' words, cut at everything that is no letter or digit. */
struct words {
    char word[MAX_WORDS][WORD_BYTES];
    size_t count;
    char joined[MAX_WORDS * WORD_BYTES];
};

static bool is_maker(const char *word)
{
    static const char *const makers[] = { "nvidia", "amd", "intel", "huawei", "habana", "geforce", "tesla", "instinct", "radeon",
                                          "graphics", "gpu", "hbm2", "hbm2e", "hbm3e" };
    for (size_t i = 0; i < RB_LEN(makers); i++)
        if (strcmp(word, makers[i]) == 0)
            return true;
    return false;
}

/* sxm2, sxm4, sxm5 -> sxm; 80g -> 80gb */
static void simplify(char *word)
{
    const size_t n = strlen(word);
    if (n == 4 && strncmp(word, "sxm", 3) == 0)
        word[3] = '\0';
    if (n >= 2 && n + 2 < WORD_BYTES && word[n - 1] == 'g' && isdigit((unsigned char)word[n - 2]))
        strcat(word, "b");
}

static void split(struct words *w, const char *name)
{
    *w = (struct words){0};
    while (*name != '\0' && w->count < MAX_WORDS) {
        while (*name != '\0' && !isalnum((unsigned char)*name))
            name++;
        char word[WORD_BYTES];
        size_t n = 0;
        for (; isalnum((unsigned char)*name); name++)
            if (n + 1 < sizeof word)
                word[n++] = (char)tolower((unsigned char)*name);
        word[n] = '\0';
        simplify(word);
        if (n == 0 || is_maker(word))
            continue;
        strcpy(w->word[w->count++], word);
        strcat(w->joined, word);
    }
}

static bool begins(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

/* Every word of the query begins a word of the name, or the name run together. */
static bool covers(const struct words *name, const struct words *query)
{
    for (size_t i = 0; i < query->count; i++) {
        bool found = begins(name->joined, query->word[i]);
        for (size_t j = 0; !found && j < name->count; j++)
            found = begins(name->word[j], query->word[i]);
        if (!found)
            return false;
    }
    return query->count > 0;
}

static bool equals(const char *name, const struct words *query)
{
    struct words w;
    split(&w, name);
    return strcmp(w.joined, query->joined) == 0;
}

static bool equals_alias(const char *aliases, const struct words *query)
{
    char *copy = rb_strdup(aliases), *at = copy;
    bool found = false;
    for (char *alias; !found && (alias = strsep(&at, ";")) != NULL;)
        found = alias[0] != '\0' && equals(alias, query);
    free(copy);
    return found;
}

/* Indices of the rows that fit; an exact name or alias beats all others. */
static size_t fitting(const struct catalogue *c, const struct words *query, size_t *fits)
{
    size_t n = 0;
    for (size_t i = 0; i < c->ngpus; i++)
        if (equals(c->gpus[i].model, query) || equals_alias(c->gpus[i].alias, query)) {
            fits[0] = i;
            return 1;
        }
    for (size_t i = 0; i < c->ngpus; i++) {
        struct words w;
        split(&w, c->gpus[i].model);
        if (covers(&w, query))
            fits[n++] = i;
    }
    return n;
}

static size_t prefix_length(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] != '\0' && tolower((unsigned char)a[n]) == tolower((unsigned char)b[n]))
        n++;
    return n;
}

/* Distance to the part of the name that the query could be, so that "H8000" is near "H800 SXM 80GB". */
static size_t name_distance(const char *name, const char *query)
{
    size_t best = text_distance(name, query);
    for (const char *end = strchr(name, ' '); end != NULL; end = strchr(end + 1, ' ')) {
        char *head = rb_format("%.*s", (int)(end - name), name);
        const size_t d = text_distance(head, query);
        best = d < best ? d : best;
        free(head);
    }
    const char *second = strchr(name, ' ');
    if (second != NULL) {
        const size_t d = text_distance(second + 1, query);
        best = d < best ? d : best;
    }
    return 4 * best - (prefix_length(name, query) > 2 ? 2 : prefix_length(name, query));
}

/* The rows nearest to a name that fits nothing. */
static size_t nearest(const struct catalogue *c, const char *name, size_t *near)
{
    size_t n = 0, best[CANDIDATES];
    for (size_t i = 0; i < c->ngpus; i++) {
        const size_t d = name_distance(c->gpus[i].model, name);
        size_t at = n < 4 ? n++ : 4;
        if (at == 4 && d >= best[3])
            continue;
        at = at == 4 ? 3 : at;
        for (; at > 0 && best[at - 1] > d; at--) {
            best[at] = best[at - 1];
            near[at] = near[at - 1];
        }
        best[at] = d;
        near[at] = i;
    }
    return n;
}

static void list_names(struct text *t, const struct catalogue *c, const size_t *rows, size_t n)
{
    for (size_t i = 0; i < n && i < CANDIDATES; i++)
        text_add(t, "%s\"%s\"", i > 0 ? ", " : "", c->gpus[rows[i]].model);
    if (n > CANDIDATES)
        text_add(t, ", and %zu more (limits --list)", n - CANDIDATES);
}

/* "file:line: " */
static const char *colon(const char *where)
{
    return where != NULL ? ": " : "";
}

static int refuse(const struct catalogue *c, const char *where, const char *name, size_t *fits, size_t n)
{
    struct text t = {0};
    int rc;
    const char *in = where != NULL ? where : "";
    if (n > 1) {
        list_names(&t, c, fits, n);
        rc = rb_fail(RB_EUSAGE, "%s%sGPU '%s' fits several models: %s", in, colon(where), name, t.chars);
    } else {
        list_names(&t, c, fits, nearest(c, name, fits));
        rc = rb_fail(RB_EUSAGE, "%s%sGPU '%s': no such model; the nearest are %s; `ringbench limits --list` shows all", in, colon(where), name,
                     t.chars != NULL ? t.chars : "none");
    }
    text_free(&t);
    return rc;
}

const struct gpu *catalogue_match_gpu(const struct catalogue *c, const char *name)
{
    struct words query;
    split(&query, name);
    size_t *fits = rb_calloc(c->ngpus + CANDIDATES, sizeof *fits);
    const size_t n = query.count > 0 ? fitting(c, &query, fits) : 0;
    const struct gpu *gpu = n == 1 ? &c->gpus[fits[0]] : NULL;
    free(fits);
    return gpu;
}

int catalogue_find_gpu(const struct catalogue *c, const char *where, const char *name, const struct gpu **gpu_p)
{
    struct words query;
    split(&query, name);
    size_t *fits = rb_calloc(c->ngpus + CANDIDATES, sizeof *fits);
    const size_t n = query.count > 0 ? fitting(c, &query, fits) : 0;
    int rc = RB_OK;
    if (n == 1)
        *gpu_p = &c->gpus[fits[0]];
    else
        rc = refuse(c, where, name, fits, n);
    free(fits);
    return rc;
}

static int refuse_nic(const struct catalogue *c, const char *where, const char *name, const struct words *query)
{
    struct text t = {0};
    size_t n = 0;
    for (size_t i = 0; i < c->nnics; i++) {
        struct words w;
        split(&w, c->nics[i].name);
        if (covers(&w, query) && n++ < CANDIDATES)
            text_add(&t, "%s\"%s\"", n > 1 ? ", " : "", c->nics[i].name);
    }
    for (size_t i = 0; n == 0 && i < c->nnics; i++)
        text_add(&t, "%s\"%s\"", i > 0 ? ", " : "", c->nics[i].name);
    const int rc = rb_fail(RB_EUSAGE, n > 1 ? "%s%s--nic '%s' fits several cards: %s" : "%s%s--nic '%s': no such card; known: %s",
                           where != NULL ? where : "", colon(where), name,
                           t.chars != NULL ? t.chars : "none");
    text_free(&t);
    return rc;
}

int catalogue_find_nic(const struct catalogue *c, const char *where, const char *name, const struct nic **nic_p)
{
    struct words query, w;
    split(&query, name);
    const struct nic *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < c->nnics; i++) {
        split(&w, c->nics[i].name);
        if (strcmp(w.joined, query.joined) == 0) {
            *nic_p = &c->nics[i];
            return RB_OK;
        }
        if (covers(&w, &query)) {
            found = &c->nics[i];
            n++;
        }
    }
    if (n != 1)
        return refuse_nic(c, where, name, &query);
    *nic_p = found;
    return RB_OK;
}

const struct gemm *catalogue_gemm(const struct catalogue *c, const struct gpu *gpu, const char *type)
{
    const struct gemm *best = NULL;
    for (size_t i = 0; i < c->ngemms; i++) {
        const struct gemm *g = &c->gemms[i];
        if (strcmp(g->type, type) == 0 && catalogue_match_gpu(c, g->model) == gpu &&
            (best == NULL || g->measured_tflops.value > best->measured_tflops.value))
            best = g;
    }
    return best;
}

double catalogue_pcie_typical(const struct catalogue *c, double gen)
{
    for (size_t i = 0; i < c->npcies; i++)
        if (c->pcies[i].gen.value == gen)
            return c->pcies[i].typical_unidir_GBps.value;
    return NAN;
}

struct datum gpu_dense16(const struct gpu *gpu)
{
    return isnan(gpu->dense_bf16_tflops.value) ? gpu->dense_fp16_tflops : gpu->dense_bf16_tflops;
}

double gpu_effective_GBps(const struct gpu *gpu)
{
    return gpu->links.value * gpu->link_effective_GBps.value;
}

bool gpu_has_link(const struct gpu *gpu)
{
    return !isnan(gpu->unidir_GBps.value);
}
