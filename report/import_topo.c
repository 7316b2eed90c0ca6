/* nvidia-smi topo -m: how every two GPUs and NICs are joined. */
#include "report/import_read.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

/* A column or row name: GPU 3 -> 3, NIC0 or mlx5_0 -> IMPORT_NIC + its place among the NICs. */
struct ends {
    struct import_word word[IMPORT_MAX_WORDS];
    int end[IMPORT_MAX_WORDS];
    size_t n, ngpus;
};

static bool gpu_name(struct import_word w, int *index_p)
{
    uint64_t index;
    if (w.length < 4 || !import_begins(w.at, "GPU") || !import_whole((struct import_word){ w.at + 3, w.length - 3 }, &index) || index > 999)
        return false;
    *index_p = (int)index;
    return true;
}

static bool nic_name(struct import_word w)
{
    static const char *const kinds[] = { "NIC", "mlx", "hfi", "bnxt", "irdma", "rdma", "ib", "roce", "efa", "cxi", "hsn" };
    for (size_t i = 0; i < RB_LEN(kinds); i++)
        if (w.length > strlen(kinds[i]) && import_begins(w.at, kinds[i]))
            return true;
    return false;
}

/* The heading: "GPU0 GPU1 ... NIC0 ... CPU Affinity NUMA Affinity"; what follows the devices is not read. */
static bool heading(const char *text, struct ends *e)
{
    struct import_word words[IMPORT_MAX_WORDS];
    const size_t n = import_words(text, words, IMPORT_MAX_WORDS);
    e->n = e->ngpus = 0;
    for (size_t i = 0; i < n && i < IMPORT_MAX_WORDS; i++) {
        int index;
        if (gpu_name(words[i], &index))
            e->end[e->n] = index;
        else if (nic_name(words[i]) && e->n > 0)
            e->end[e->n] = IMPORT_NIC + (int)(e->n - e->ngpus);
        else
            break;
        e->ngpus += e->end[e->n] < IMPORT_NIC;
        e->word[e->n++] = words[i];
    }
    return e->ngpus >= 2 || (e->ngpus == 1 && n > 1 && strstr(text, "Affinity") != NULL);
}

/* NV8 -> 8; 0 when the cell is another kind of path. */
static int cell_links(struct import_word w)
{
    uint64_t links;
    return w.length > 2 && import_begins(w.at, "NV") && import_whole((struct import_word){ w.at + 2, w.length - 2 }, &links) && links < 100
               ? (int)links
               : 0;
}

static bool known_path(struct import_word w)
{
    static const char *const paths[] = { "SYS", "NODE", "PHB", "PXB", "PIX", "SOC", "N/A" };
    for (size_t i = 0; i < RB_LEN(paths); i++)
        if (import_word_is(w, paths[i]))
            return true;
    return cell_links(w) > 0;
}

/* The end that a row begins with, -1 when the line is no row. NICs that the heading does not name are numbered as they come. */
static int row_end(const struct ends *e, struct import_word first, int *nics)
{
    int index;
    if (gpu_name(first, &index))
        return index;
    for (size_t i = e->ngpus; i < e->n; i++)
        if (first.length == e->word[i].length && memcmp(first.at, e->word[i].at, first.length) == 0)
            return e->end[i];
    return nic_name(first) && e->n == e->ngpus ? IMPORT_NIC + (*nics)++ : -1;
}

static int take_row(struct import_reader *reader, const struct ends *e, int from, const struct import_line *line)
{
    struct import_word words[IMPORT_MAX_WORDS];
    const size_t n = import_words(line->text, words, IMPORT_MAX_WORDS);
    if (n < e->n + 1)
        return import_refuse(reader, line->number, "%zu cells where the heading names %zu devices", n > 0 ? n - 1 : 0, e->n);
    for (size_t i = 0; i < e->n; i++) {
        const struct import_word cell = words[i + 1];
        if (import_word_is(cell, "X") != (from == e->end[i]))
            return import_refuse(reader, line->number, "cell %zu: X belongs on the diagonal and nowhere else", i + 1);
        if (from == e->end[i])
            continue;
        if (!known_path(cell))
            return import_refuse(reader, line->number, "cell %zu: '%.*s' is no kind of path (NV#, PIX, PXB, PHB, NODE, SYS)", i + 1,
                                 (int)(cell.length < 40 ? cell.length : 40), cell.at);
        struct import_link l = import_no_link(IMPORT_PATH, line->number);
        memcpy(l.test, "topo", 5);
        l.from = from;
        l.to = e->end[i];
        import_copy(l.path, sizeof l.path, cell.at, cell.length);
        import_add_link(reader, &l);
        struct import_source *s = import_current(reader);
        s->links = cell_links(cell) > s->links ? cell_links(cell) : s->links;
    }
    return RB_OK;
}

/* Where both directions are printed they must agree. */
static void check_symmetry(struct import_reader *reader)
{
    const struct import *im = reader->im;
    const size_t first = import_current(reader)->first_link, n = im->nlinks - first;
    if (n == 0)
        return;
    const struct import_link *l = &im->links[first];
    for (size_t i = 0; i < n && n < 20000; i++)
        for (size_t j = i + 1; j < n; j++)
            if (l[i].from == l[j].to && l[i].to == l[j].from && strcmp(l[i].path, l[j].path) != 0)
                import_say(reader, l[j].line, "%s one way, %s the other, between ends %d and %d", l[i].path, l[j].path, l[i].from, l[i].to);
}

static int read_rows(struct import_reader *reader, struct ends *e)
{
    bool open = false;
    int nics = 0, gpus = 0;
    for (size_t i = 0; i < reader->text->nlines; i++) {
        const struct import_line *line = &reader->text->lines[i];
        struct import_word first;
        if (!open) {
            open = heading(line->text, e);
            continue;
        }
        const int from = import_words(line->text, &first, 1) > 0 ? row_end(e, first, &nics) : -1;
        if (from < 0)
            break;
        gpus += from < IMPORT_NIC;
        RB_TRY(take_row(reader, e, from, line));
    }
    import_current(reader)->gpus = (int)e->ngpus;
    if (gpus != (int)e->ngpus)
        import_remark(import_current(reader), "rows elided");
    return RB_OK;
}

static int read_all(struct import_reader *reader)
{
    struct ends *e = rb_calloc(1, sizeof *e);
    import_open(reader)->nodes = 1;
    const int rc = read_rows(reader, e);
    free(e);
    RB_TRY(rc);
    check_symmetry(reader);
    import_close(reader);
    return RB_OK;
}

static bool recognise(const struct import_text *text)
{
    struct ends *e = rb_calloc(1, sizeof *e);
    bool found = false;
    for (size_t i = 0; i + 1 < text->nlines && !found; i++)
        found = import_begins(text->lines[i].text, "GPU") && heading(text->lines[i].text, e) && import_begins(text->lines[i + 1].text, "GPU");
    free(e);
    return found;
}

const struct import_format import_topo = {
    .name = "topo",
    .summary = "nvidia-smi topo -m",
    .recognise = recognise,
    .read = read_all,
};
