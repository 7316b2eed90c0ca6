/* What nccl-tests prints. Lines of other programs in between are passed over; rows are never. */
#include "report/import_facts.h"
#include "report/import_nccl_table.h"

#include "core/error.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABELS = 64, MAX_LISTS = 8, MAX_HOSTS = 64 };

/* One device list: the ranks of one process group. */
struct device_list {
    int last_rank, in_group_0, last_group;
    int nhosts;
    char hosts[MAX_HOSTS][40]; /* the first ones */
    char last_host[40];
    struct import_source models; /* only its gpu is used */
};

struct nccl_log {
    struct import_reader *reader;
    const struct import_line *label; /* lines of this process only */
    struct nccl_columns columns;
    struct nccl_run run;
    struct device_list lists[MAX_LISTS];
    int nlists;
    int pending;              /* headings "# nThread" without an end yet */
    bool ended;               /* a run is complete; what comes next may be of another */
    bool heading_after_rows;  /* a heading came after the last row */
};

/* --- device list --- */

static void add_host(struct device_list *d, struct import_word host)
{
    char name[40];
    import_copy(name, sizeof name, host.at, host.length);
    if (strcmp(name, d->last_host) == 0)
        return;
    memcpy(d->last_host, name, sizeof name);
    for (int i = 0; i < d->nhosts && i < MAX_HOSTS; i++)
        if (strcmp(d->hosts[i], name) == 0)
            return;
    if (d->nhosts < MAX_HOSTS)
        memcpy(d->hosts[d->nhosts], name, sizeof name);
    d->nhosts++;
}

/* A rank that was seen before begins the list of another process. */
static struct device_list *list_of_rank(struct nccl_log *log, int rank)
{
    if (log->nlists == 0 || (rank <= log->lists[log->nlists - 1].last_rank && log->nlists < MAX_LISTS)) {
        log->lists[log->nlists++] = (struct device_list){ .last_rank = -1 };
    }
    return &log->lists[log->nlists - 1];
}

/* "Rank  0 Group  0 Pid 622 on host device  0 [0x00] NVIDIA H800" and older forms of it. */
static bool take_device(struct nccl_log *log, const char *text)
{
    uint64_t rank, group = 0;
    text += strspn(text, "# ");
    const char *model = import_after(text, "] ");
    if (!import_begins(text, "Rank ") || model == NULL || !import_number_after(text, "Rank", &rank) || rank > 999999)
        return false;
    import_number_after(text, "Group", &group);
    struct device_list *d = list_of_rank(log, (int)rank);
    d->last_rank = (int)rank > d->last_rank ? (int)rank : d->last_rank;
    d->last_group = group < 100000 && (int)group > d->last_group ? (int)group : d->last_group;
    d->in_group_0 += group == 0;
    const char *host = import_after(text, " on ");
    if (host != NULL && import_begins(host, "device") == false)
        add_host(d, (struct import_word){ host, strcspn(host, " ") });
    const char *end = strstr(model, " (node ");
    facts_add_gpu(&d->models, model, end == NULL ? strlen(model) : (size_t)(end - model));
    return true;
}

static int ranks_of(const struct device_list *d)
{
    return d->last_group > 0 ? d->in_group_0 : d->last_rank + 1;
}

/* Several lists belong to several processes; which rows are whose is not printed, so they must agree. */
static int use_devices(struct nccl_log *log)
{
    struct nccl_run *run = &log->run;
    if (log->nlists == 0)
        return RB_OK;
    const struct device_list *d = &log->lists[0];
    for (int i = 1; i < log->nlists; i++)
        if (ranks_of(&log->lists[i]) != ranks_of(d) || strcmp(log->lists[i].models.gpu, d->models.gpu) != 0)
            return import_refuse(log->reader, run->rows[0].line, "the device lists of several processes differ and the rows do not "
                                                                 "tell which process printed them; let the launcher label the lines");
    run->ranks = ranks_of(d);
    if (d->models.gpu[0] != '\0' && strcmp(d->models.gpu, "NVIDIA Graphics Device") != 0)
        memcpy(run->facts.gpu, d->models.gpu, sizeof run->facts.gpu);
    if (d->nhosts > 0 && (d->last_rank < 1 || d->in_group_0 > 1))
        run->facts.nodes = d->nhosts > run->facts.nodes ? d->nhosts : run->facts.nodes;
    return RB_OK;
}

/* --- runs --- */

static void new_facts(struct nccl_log *log)
{
    struct import_source s = { .nvls = -1 };
    import_copy(s.path, sizeof s.path, log->reader->text->path, strlen(log->reader->text->path));
    import_clean(s.path);
    facts_from_preface(&s, &log->reader->text->preface);
    log->run.facts = s;
    log->ended = false;
}

static void new_run(struct nccl_log *log)
{
    const struct import_source facts = log->run.facts;
    const uint64_t iters = log->run.iters, max_bytes = log->run.max_bytes;
    nccl_free(&log->run);
    log->run = (struct nccl_run){ .facts = facts, .iters = iters, .max_bytes = max_bytes, .average = NAN, .out_of_bounds = -1 };
    log->heading_after_rows = false;
}

static int end_run(struct nccl_log *log)
{
    if (log->run.nrows > 0) {
        log->run.mixed = log->run.mixed || log->pending > 1;
        log->run.has_counts = log->columns.has_counts;
        const struct import_source facts = log->run.facts;
        RB_TRY(use_devices(log));
        RB_TRY(nccl_close(log->reader, &log->run));
        const bool others = log->pending > 1;
        log->run.facts = facts;
        new_run(log);
        log->run.mixed = others;
        log->pending -= log->pending > 0;
        log->ended = log->pending == 0;
    }
    return RB_OK;
}

/* "# nThread 1 nGpus 8 minBytes 8 maxBytes 134217728 step: 2(factor) warmup iters: 5 iters: 20 ..." */
static bool take_settings(struct nccl_log *log, const char *text)
{
    if (strstr(text, "nThread ") == NULL || strstr(text, "minBytes ") == NULL)
        return false;
    if (log->ended || log->pending == 0)
        log->nlists = 0;
    log->pending++;
    import_number_after(text, "maxBytes ", &log->run.max_bytes);
    const char *warm = import_after(text, "warmup iters:");
    if (warm != NULL)
        import_number_after(warm, " iters:", &log->run.iters);
    return true;
}

/* Lines with which a new run begins when the one before is complete. */
static bool begins_run(const char *text)
{
    static const char *const marks[] = { "nThread ", "# nccl-tests version", "Collective test starting", "_perf " };
    for (size_t i = 0; i < RB_LEN(marks); i++)
        if (strstr(text, marks[i]) != NULL)
            return true;
    return text_ends_with(text, "_perf");
}

/* "# Collective test starting: all_reduce_perf" says it better than a collector; a command line does not overrule one. */
static void take_name(struct nccl_log *log, const char *text)
{
    const char *name = import_after(text, "Collective test starting:");
    const size_t length = name == NULL ? 0 : strcspn(name, " ");
    if (length > 5 && import_begins(name + length - 5, "_perf"))
        import_copy(log->run.facts.collective, sizeof log->run.facts.collective, name, length - 5);
    const char *version = import_after(text, "# nccl-tests version ");
    if (version != NULL)
        import_copy(log->run.facts.tool, sizeof log->run.facts.tool, version, strcspn(version, " "));
}

static bool same_sweep(const struct nccl_row *a, const struct nccl_row *b)
{
    return strcmp(a->type, b->type) == 0 && strcmp(a->op, b->op) == 0 && a->root == b->root;
}

/* Sizes only grow within a sweep. The row just added goes back: a new run, or another process's row. */
static int check_order(struct nccl_log *log)
{
    struct nccl_run *run = &log->run;
    if (run->nrows < 2)
        return RB_OK;
    const struct nccl_row *last = &run->rows[run->nrows - 2], *row = last + 1;
    if (!same_sweep(last, row) || row->bytes > last->bytes || (row->bytes == 0 && last->bytes == 0))
        return RB_OK;
    const bool new_cycle = row->bytes == run->rows[0].bytes && last->bytes > row->bytes && log->pending < 2;
    if (!log->heading_after_rows && !new_cycle)
        return import_refuse(log->reader, row->line,
                             "size %llu after %llu within one table: the rows of several processes are mixed and cannot be told apart; "
                             "let the launcher label the lines (mpirun --tag-output, srun --label)",
                             (unsigned long long)row->bytes, (unsigned long long)last->bytes);
    struct nccl_row moved = *row;
    run->nrows--;
    RB_TRY(end_run(log));
    *nccl_add_row(&log->run) = moved;
    return RB_OK;
}

static bool is_last(const struct import_text *text, const struct import_line *line)
{
    const struct import_line *end = text->lines + text->nlines;
    while (++line < end)
        if (line->text[0] != '\0')
            return false;
    return true;
}

static int take_row(struct nccl_log *log, const struct import_line *line)
{
    const char *why;
    if (!nccl_parse_row(&log->columns, line, &log->run, &why)) {
        if (!is_last(log->reader->text, line) || log->run.nrows == 0)
            return import_refuse(log->reader, line->number, "%s", why);
        rb_warn("%s:%zu: the last row is cut off, as a killed run leaves it; it is left out", log->reader->text->path, line->number);
        import_remark(&log->run.facts, "last row cut off");
        return RB_OK;
    }
    log->ended = false;
    RB_TRY(check_order(log));
    log->heading_after_rows = false;
    return RB_OK;
}

static int take_footer(struct nccl_log *log, const struct import_line *line)
{
    const char *average = import_after(line->text, "Avg bus bandwidth"), *wrong = import_after(line->text, "Out of bounds values");
    uint64_t count;
    if (wrong != NULL && import_number_after(wrong, ":", &count) && count < INT64_MAX)
        log->run.out_of_bounds = (int64_t)count;
    if (average == NULL || average[0] != ':')
        return RB_OK;
    average += strspn(average, ": ");
    if (!import_number((struct import_word){ average, strcspn(average, " ") }, &log->run.average, NULL))
        log->run.average = NAN;
    log->run.average_line = line->number;
    return end_run(log);
}

static int take_heading(struct nccl_log *log, const struct nccl_columns *columns, size_t line)
{
    const bool same = log->columns.n == columns->n && memcmp(log->columns.kind, columns->kind, sizeof columns->kind) == 0;
    if (log->run.nrows > 0 && !same && log->pending > 1)
        return import_refuse(log->reader, line, "another heading in the middle of a table: the output of several processes is mixed");
    if (log->run.nrows > 0 && !same)
        RB_TRY(end_run(log));
    log->columns = *columns;
    log->heading_after_rows = log->run.nrows > 0;
    return RB_OK;
}

static int take_line(struct nccl_log *log, const struct import_line *line)
{
    struct nccl_columns columns;
    if (nccl_is_row(&log->columns, line->text))
        return take_row(log, line);
    if (nccl_heading(line->text, &columns))
        return take_heading(log, &columns, line->number);
    if (log->ended && begins_run(line->text))
        new_facts(log);
    nccl_units(line->text, &log->columns);
    log->run.rows_elided = log->run.rows_elided || (log->columns.n > 0 && import_is_elision(line->text));
    if (take_settings(log, line->text) || take_device(log, line->text))
        return RB_OK;
    take_name(log, line->text);
    facts_from_line(&log->run.facts, line->text);
    return take_footer(log, line);
}

/* A line without label between labelled ones: of the launcher, or of who shortened the log. */
static void take_foreign(struct nccl_log *log, const char *text)
{
    facts_from_line(&log->run.facts, text);
    log->run.rows_elided = log->run.rows_elided || (log->columns.n > 0 && import_is_elision(text));
}

/* alone: no other process prints a table, so what other ranks say is of this run too. */
static int read_label(struct import_reader *reader, const struct import_line *label, bool alone)
{
    struct nccl_log *log = rb_calloc(1, sizeof *log);
    log->reader = reader;
    new_facts(log);
    new_run(log);
    int rc = RB_OK;
    for (size_t i = 0; rc == RB_OK && i < reader->text->nlines; i++) {
        const struct import_line *line = &reader->text->lines[i];
        if (import_same_label(line, label))
            rc = take_line(log, line);
        else if (line->label_length == 0 || alone)
            take_foreign(log, line->text);
    }
    if (rc == RB_OK)
        rc = end_run(log);
    nccl_free(&log->run);
    free(log);
    return rc;
}

/* The processes that print a table: most often one. */
static int find_labels(struct import_reader *reader, const struct import_line **labels, size_t *n_p)
{
    struct nccl_columns columns;
    size_t n = 0;
    for (size_t i = 0; i < reader->text->nlines; i++) {
        const struct import_line *line = &reader->text->lines[i];
        if (!nccl_heading(line->text, &columns))
            continue;
        size_t k = 0;
        while (k < n && !import_same_label(labels[k], line))
            k++;
        if (k < n)
            continue;
        if (n == MAX_LABELS)
            return import_refuse(reader, line->number, "more than %d processes print a table each: nccl-tests was built without MPI",
                                 MAX_LABELS);
        labels[n++] = line;
    }
    *n_p = n;
    return RB_OK;
}

static int read_all(struct import_reader *reader)
{
    const struct import_line *labels[MAX_LABELS];
    size_t n = 0;
    RB_TRY(find_labels(reader, labels, &n));
    for (size_t i = 0; i < n; i++)
        RB_TRY(read_label(reader, labels[i], n == 1));
    return RB_OK;
}

static bool recognise(const struct import_text *text)
{
    struct nccl_columns columns;
    for (size_t i = 0; i < text->nlines; i++)
        if (nccl_heading(text->lines[i].text, &columns))
            return true;
    return false;
}

const struct import_format import_nccl_tests = {
    .name = "nccl-tests",
    .summary = "the table of nccl-tests or rccl-tests, versions 2.0 to 2.19",
    .recognise = recognise,
    .read = read_all,
};
