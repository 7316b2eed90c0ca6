/* nvidia-smi nvlink --status: the raw rate of every link of every GPU, one direction. Inactive links are counted, not recorded. */
#include "report/import_facts.h"
#include "report/import_read.h"

#include "core/error.h"

#include <string.h>

struct state {
    int gpu;    /* -1: none yet */
    int active; /* links of this GPU */
    int fewest, most, gpus;
};

/* "GPU 0: NVIDIA H800 (UUID: GPU-...)": the UUID is not kept. */
static bool gpu_line(const char *text, uint64_t *index_p)
{
    return import_begins(text, "GPU ") && import_number_after(text, "GPU ", index_p) && *index_p < 1000 && strstr(text, "(UUID") != NULL &&
           strchr(text, ':') != NULL;
}

static void end_gpu(struct state *st)
{
    if (st->gpu < 0)
        return;
    st->fewest = st->gpus == 0 || st->active < st->fewest ? st->active : st->fewest;
    st->most = st->active > st->most ? st->active : st->most;
    st->gpus++;
    st->active = 0;
}

static void begin_gpu(struct import_reader *reader, struct state *st, const char *text, uint64_t index)
{
    end_gpu(st);
    if (st->gpus == 0)
        import_current(reader)->gpu[0] = '\0';
    st->gpu = (int)index;
    const char *name = import_after(text, ":");
    size_t length = strcspn(name, "(");
    while (length > 0 && name[length - 1] == ' ')
        length--;
    facts_add_gpu(import_current(reader), name, length);
}

/* "Link 0: 26.562 GB/s" or "Link 3: <inactive>". */
static int take_link(struct import_reader *reader, struct state *st, const struct import_line *line)
{
    uint64_t index;
    const char *rate = import_after(line->text, ":");
    if (!import_begins(line->text, "Link ") || rate == NULL || st->gpu < 0 || strstr(rate, "nactive") != NULL)
        return RB_OK;
    if (!import_number_after(line->text, "Link ", &index) || index > 999)
        return RB_OK;
    struct import_link l = import_no_link(IMPORT_NOMINAL, line->number);
    const size_t digits = strcspn(rate, " ");
    if (!import_number((struct import_word){ rate, digits }, &l.GBps, NULL) || !(l.GBps > 0) || strstr(rate, "GB/s") == NULL)
        return import_refuse(reader, line->number, "a rate in GB/s or <inactive> is expected after 'Link %d:'", (int)index);
    memcpy(l.test, "nvlink-status", 14);
    l.from = st->gpu;
    l.to = IMPORT_SWITCH;
    l.index = (int)index;
    import_add_link(reader, &l);
    st->active++;
    return RB_OK;
}

static int read_all(struct import_reader *reader)
{
    struct state st = { .gpu = -1 };
    import_open(reader)->nodes = 1;
    for (size_t i = 0; i < reader->text->nlines; i++) {
        const struct import_line *line = &reader->text->lines[i];
        uint64_t index;
        if (gpu_line(line->text, &index))
            begin_gpu(reader, &st, line->text, index);
        RB_TRY(take_link(reader, &st, line));
        if (st.gpu >= 0 && import_is_elision(line->text))
            import_remark(import_current(reader), "GPUs elided");
    }
    end_gpu(&st);
    struct import_source *s = import_current(reader);
    s->links = st.most;
    memcpy(s->transport, "nvlink", 7);
    if (s->gpus < st.gpus)
        s->gpus = st.gpus;
    if (st.fewest != st.most)
        import_say(reader, 1, "the GPUs have %d to %d active links", st.fewest, st.most);
    import_close(reader);
    return RB_OK;
}

static bool recognise(const struct import_text *text)
{
    uint64_t index;
    for (size_t i = 0; i + 1 < text->nlines; i++)
        if (gpu_line(text->lines[i].text, &index) && import_begins(text->lines[i + 1].text, "Link "))
            return true;
    return false;
}

const struct import_format import_nvlink_status = {
    .name = "nvlink-status",
    .summary = "nvidia-smi nvlink --status",
    .recognise = recognise,
    .read = read_all,
};
