/* What was not measured and why: what the run noted, and what the records show. */
#include "report/html.h"
#include "report/page_sections.h"
#include "report/statistics.h"

#include <string.h>

static void noted(struct text *out, const struct records *r)
{
    size_t i;
    json_t *note;
    json_array_foreach(r->notes, i, note)
    {
        const char *about = json_string_value(json_object_get(note, "about"));
        if (about == NULL || strcmp(about, "not_measured") != 0)
            continue;
        text_add(out, "<li>");
        html_text(out, json_string_value(json_object_get(note, "text")));
        text_add(out, "</li>\n");
    }
}

static bool any_transport(const struct records *r, const char *const *names)
{
    for (size_t i = 0; i < r->ncases; i++)
        for (size_t k = 0; names[k] != NULL; k++)
            if (strncmp(r->cases[i].transport, names[k], strlen(names[k])) == 0)
                return true;
    return false;
}

static bool any_gpu(const struct records *r)
{
    static const char *const names[] = { "cuda", "nvlink", "nccl", NULL };
    bool named = false;
    for (size_t i = 0; i < r->ncases; i++)
        named = named || r->cases[i].gpu[0] != '\0';
    return named || any_transport(r, names);
}

static int most_nodes(const struct records *r)
{
    int most = 0;
    for (size_t i = 0; i < r->ncases; i++)
        most = r->cases[i].nodes > most ? r->cases[i].nodes : most;
    return most;
}

static bool only_simulated(const struct records *r)
{
    for (size_t i = 0; i < r->ncases; i++)
        if (strcmp(r->cases[i].evidence, "simulated") != 0)
            return false;
    return true;
}

static void derived(struct text *out, const struct records *r)
{
    struct statistics s;
    statistics_make(&s, r);
    if (r->ncases == 0) {
        text_add(out, "<li>Collectives: the records hold none.</li>\n");
        return;
    }
    if (only_simulated(r)) {
        text_add(out, "<li>Anything: all cases were simulated.</li>\n");
        return;
    }
    if (!any_gpu(r))
        text_add(out, "<li>The links of GPUs: no case ran on one. The limits per GPU model rest on the catalogue and on published logs.</li>\n");
    if (most_nodes(r) <= 1)
        text_add(out, "<li>The network: all ranks were on one machine.</li>\n");
    if (r->npairs == 0)
        text_add(out, "<li>The links between the ranks, one by one: ask for them with --pairs.</li>\n");
    if (s.baseline[0] == '\0')
        text_add(out, "<li>A baseline: none was run, so nothing here says how good these times are.</li>\n");
    if (s.ranks_low == s.ranks_high)
        text_add(out, "<li>Other numbers of ranks than %d: the fit over ranks needs at least two of them.</li>\n", s.ranks_low);
}

const char *section_notes(struct text *out, const struct page_input *in)
{
    struct text list = {0};
    noted(&list, in->records);
    derived(&list, in->records);
    if (list.length > 0)
        text_add(out, "<ul>\n%s</ul>\n", list.chars);
    const bool any = list.length > 0;
    text_free(&list);
    return any ? NULL : "nothing was left out";
}
