/* The text of `nvidia-smi topo -m`: a matrix of path classes, affinities, and the names of the NICs. */
#include "topo/graph.h"

#include "core/error.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS_MAX = 160 };

struct line {
    size_t number;
    size_t ntokens;
    char *tokens[TOKENS_MAX];
    bool overlong;
};

struct reader {
    struct topology *t;
    struct line line;
    size_t ncolumns;  /* column i is device i */
    size_t *row_line; /* where each device's row was, 0: not yet */
    size_t header_line;
    char model[96];   /* from a "# gpu:" comment */
};

/* Terminal colours and underlines: ESC [ ... letter. */
static void strip_escapes(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0';) {
        if (at[0] == '\033' && at[1] == '[') {
            at += 2;
            at += strspn(at, "0123456789;?");
            at += *at != '\0';
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
}

static void split(struct line *line, char *text)
{
    char *save = NULL;
    line->ntokens = 0;
    line->overlong = false;
    for (char *word = strtok_r(text, " \t\r", &save); word != NULL; word = strtok_r(NULL, " \t\r", &save)) {
        if (line->ntokens == TOKENS_MAX) {
            line->overlong = true;
            return;
        }
        line->tokens[line->ntokens++] = word;
    }
}

static bool is_numbered(const char *word, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (strncmp(word, prefix, n) != 0 || word[n] == '\0')
        return false;
    return strspn(word + n, "0123456789") == strlen(word + n);
}

/* Old drivers head a NIC's column with its name. */
static bool is_device_word(const char *word)
{
    for (const char *at = word; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && *at != '_' && *at != '-')
            return false;
    return is_numbered(word, "GPU") || is_numbered(word, "NIC") || strncmp(word, "mlx", 3) == 0 || strncmp(word, "bnxt", 4) == 0;
}

static bool is_class_word(const char *word)
{
    static const char *const words[] = { "X", "PIX", "PXB", "PHB", "NODE", "SYS", "SOC" };
    for (size_t i = 0; i < RB_LEN(words); i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return is_numbered(word, "NV");
}

static bool is_header(const struct line *l)
{
    return l->ntokens >= 2 && is_numbered(l->tokens[0], "GPU") && (is_device_word(l->tokens[1]) || strcmp(l->tokens[1], "CPU") == 0);
}

static bool is_row(const struct line *l)
{
    return l->ntokens >= 2 && is_device_word(l->tokens[0]) && !is_device_word(l->tokens[1]);
}

static int fail_line(const struct reader *r, const char *what, const char *right)
{
    return rb_fail(RB_EUSAGE, "%s:%zu: %s%s%s", r->t->file, r->line.number, what, right[0] != '\0' ? "; " : "", right);
}

static int find_named(const struct reader *r, const char *word)
{
    for (size_t i = 0; i < r->ncolumns; i++)
        if (strcmp(r->t->devices[i].name, word) == 0)
            return (int)i;
    return -1;
}

static int add_column(struct reader *r, const char *word)
{
    if (find_named(r, word) >= 0) {
        char what[96];
        snprintf(what, sizeof what, "%.40s heads two columns", word);
        return fail_line(r, what, "");
    }
    const bool gpu = is_numbered(word, "GPU");
    const int index = graph_add(r->t, gpu ? TOPO_GPU : TOPO_NIC, -1);
    struct topology_device *d = graph_device(r->t, index);
    snprintf(d->name, sizeof d->name, "%.40s", word);
    if (gpu)
        d->os_index = atoi(word + 3);
    r->ncolumns++;
    return RB_OK;
}

static int read_header(struct reader *r)
{
    if (r->header_line != 0)
        return fail_line(r, "a second heading: the file holds more than one matrix", "keep one of them");
    r->header_line = r->line.number;
    if (r->line.overlong)
        return fail_line(r, "more headings than a machine has devices", "");
    r->row_line = rb_calloc(r->line.ntokens, sizeof *r->row_line);
    for (size_t i = 0; i < r->line.ntokens && is_device_word(r->line.tokens[i]); i++)
        RB_TRY(add_column(r, r->line.tokens[i]));
    r->t->stated = rb_calloc(r->ncolumns * r->ncolumns, sizeof *r->t->stated);
    for (size_t i = 0; i < r->ncolumns * r->ncolumns; i++)
        r->t->stated[i] = (struct topology_path){ PATH_UNKNOWN, 0, ceiling_of(0, CEILING_UNKNOWN), NAN };
    return RB_OK;
}

static int bad_cell(const struct reader *r, const char *column, const char *word)
{
    char what[160];
    snprintf(what, sizeof what, "'%.40s' in column %.40s is no path class", word, column);
    return fail_line(r, what, "right: X, NV and a number, PIX, PXB, PHB, NODE or SYS");
}

static int read_cell(const struct reader *r, size_t row, size_t column, const char *word)
{
    static const struct { const char *word; enum path_class class; } words[] = {
        { "X", PATH_SELF }, { "PIX", PATH_PIX }, { "PXB", PATH_PXB }, { "PHB", PATH_PHB },
        { "NODE", PATH_NODE }, { "SYS", PATH_SYS }, { "SOC", PATH_SYS },
    };
    struct topology_path *p = &r->t->stated[row * r->ncolumns + column];
    for (size_t i = 0; i < RB_LEN(words); i++)
        if (strcmp(word, words[i].word) == 0)
            p->class = words[i].class;
    if (is_numbered(word, "NV") && strlen(word) <= 5 && atoi(word + 2) > 0) {
        p->class = PATH_NV;
        p->nvlinks = atoi(word + 2);
    }
    const char *name = r->t->devices[column].name;
    if (p->class == PATH_UNKNOWN)
        return bad_cell(r, name, word);
    if ((p->class == PATH_SELF) != (row == column))
        return fail_line(r, row == column ? "no X where the row meets its own column" : "an X outside the diagonal",
                         "the columns may have slipped");
    return RB_OK;
}

static int node_of(struct reader *r, int os_index)
{
    struct topology *t = r->t;
    for (size_t i = 0; i < t->ndevices; i++)
        if (t->devices[i].kind == TOPO_NUMA && t->devices[i].os_index == os_index)
            return (int)i;
    const int index = graph_add(t, TOPO_NUMA, -1);
    struct topology_device *d = graph_device(t, index);
    d->os_index = os_index;
    d->numa = index;
    snprintf(d->name, sizeof d->name, "node %d", os_index);
    return index;
}

static bool is_cpu_list(const char *word)
{
    if (!isdigit((unsigned char)word[0]) || word[strspn(word, "0123456789,-")] != '\0')
        return false;
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    const bool ok = hwloc_bitmap_list_sscanf(set, word) == 0 && hwloc_bitmap_weight(set) > 0 && word[strlen(word) - 1] != '-';
    hwloc_bitmap_free(set);
    return ok;
}

/* What follows the classes of a GPU's row: its CPUs, its NUMA node, both optional, "N/A" where unknown. */
static int read_affinity(struct reader *r, int device, char *const *words, size_t nwords)
{
    if (nwords == 0 || strcmp(words[0], "N/A") == 0)
        return RB_OK;
    struct topology_device *d = graph_device(r->t, device);
    if (!is_cpu_list(words[0]) || strlen(words[0]) >= sizeof d->cpus) {
        char what[160];
        snprintf(what, sizeof what, "CPU affinity '%.60s' is no list of CPUs", words[0]);
        return fail_line(r, what, "right: such as 0-31,64-95");
    }
    snprintf(d->cpus, sizeof d->cpus, "%s", words[0]);
    if (nwords < 2 || strspn(words[1], "0123456789") != strlen(words[1]) || strlen(words[1]) > 6)
        return RB_OK; /* "N/A", or several nodes */
    const int node = node_of(r, atoi(words[1])); /* may move the devices */
    d = graph_device(r->t, device);
    d->numa = node;
    snprintf(graph_device(r->t, node)->cpus, sizeof d->cpus, "%s", d->cpus);
    return RB_OK;
}

static int check_row(const struct reader *r, int device)
{
    char what[160];
    const char *name = r->line.tokens[0];
    if (r->header_line == 0)
        return fail_line(r, "a row before the heading", "right: a first line GPU0 GPU1 ... CPU Affinity");
    if (device < 0)
        snprintf(what, sizeof what, "%.40s has a row but no column in line %zu", name, r->header_line);
    else if (r->row_line[device] != 0)
        snprintf(what, sizeof what, "a second row for %.40s, the first is line %zu", name, r->row_line[device]);
    else if (r->line.ntokens < 1 + r->ncolumns)
        snprintf(what, sizeof what, "%zu path classes for %zu columns", r->line.ntokens - 1, r->ncolumns);
    else if (r->line.overlong)
        snprintf(what, sizeof what, "more than %d words in a line", TOKENS_MAX);
    else
        return RB_OK;
    return fail_line(r, what, "");
}

static int read_row(struct reader *r)
{
    const int device = r->header_line != 0 ? find_named(r, r->line.tokens[0]) : -1;
    RB_TRY(check_row(r, device));
    r->row_line[device] = r->line.number;
    for (size_t i = 0; i < r->ncolumns; i++)
        RB_TRY(read_cell(r, (size_t)device, i, r->line.tokens[1 + i]));
    if (r->t->devices[device].kind != TOPO_GPU)
        return RB_OK;
    return read_affinity(r, device, r->line.tokens + 1 + r->ncolumns, r->line.ntokens - 1 - r->ncolumns);
}

/* "NIC0: mlx5_0" of the NIC legend. */
static void read_legend(const struct reader *r)
{
    char name[48];
    const size_t length = strlen(r->line.tokens[0]);
    if (r->line.ntokens != 2 || length < 2 || length >= sizeof name || r->line.tokens[0][length - 1] != ':')
        return;
    memcpy(name, r->line.tokens[0], length - 1);
    name[length - 1] = '\0';
    const int device = is_numbered(name, "NIC") ? find_named(r, name) : -1;
    if (device >= 0)
        snprintf(r->t->devices[device].detail, sizeof r->t->devices[device].detail, "%s", r->line.tokens[1]);
}

/* A comment "# gpu: NVIDIA H800" names the model, which the matrix does not. */
static bool read_comment(struct reader *r, const char *text)
{
    text += strspn(text, " \t");
    if (*text != '#')
        return false;
    if (strncmp(text, "# gpu:", 6) == 0)
        snprintf(r->model, sizeof r->model, "%.90s", text + 6 + strspn(text + 6, " "));
    r->model[strcspn(r->model, "\r")] = '\0';
    return true;
}

static int read_line(struct reader *r, char *text)
{
    if (read_comment(r, text))
        return RB_OK;
    split(&r->line, text);
    if (is_header(&r->line))
        return read_header(r);
    if (is_row(&r->line))
        return read_row(r);
    if (r->line.ntokens > 0 && r->header_line != 0)
        read_legend(r);
    return RB_OK;
}

static int check_pair(const struct reader *r, size_t a, size_t b)
{
    struct topology *t = r->t;
    struct topology_path *ab = &t->stated[a * r->ncolumns + b], *ba = &t->stated[b * r->ncolumns + a];
    if (r->row_line[a] == 0)
        *ab = *ba; /* rows of NICs are often left out; what is stated once is enough */
    else if (r->row_line[b] == 0)
        *ba = *ab;
    if (ab->class == ba->class && ab->nvlinks == ba->nvlinks)
        return RB_OK;
    return rb_fail(RB_EUSAGE, "%s:%zu: %s to %s is not the same as in line %zu; the matrix must be symmetric", t->file, r->row_line[a],
                   t->devices[a].name, t->devices[b].name, r->row_line[b]);
}

static int check_matrix(const struct reader *r)
{
    const struct topology *t = r->t;
    if (r->header_line == 0)
        return rb_fail(RB_EUSAGE, "%s: no line with the headings GPU0 GPU1 ... CPU Affinity", t->file);
    for (size_t a = 0; a < r->ncolumns; a++) {
        if (r->row_line[a] == 0 && t->devices[a].kind == TOPO_GPU)
            return rb_fail(RB_EUSAGE, "%s:%zu: %s has a column here but no row", t->file, r->header_line, t->devices[a].name);
        for (size_t b = 0; b < a; b++)
            RB_TRY(check_pair(r, a, b));
        t->stated[a * r->ncolumns + a].class = PATH_SELF;
    }
    return RB_OK;
}

/* The matrix was as wide as the columns; NUMA nodes came behind. Their rows stay unknown and are never asked. */
static void widen(struct reader *r)
{
    struct topology *t = r->t;
    struct topology_path *wide = rb_calloc(t->ndevices * t->ndevices, sizeof *wide);
    for (size_t a = 0; a < r->ncolumns; a++)
        memcpy(wide + a * t->ndevices, t->stated + a * r->ncolumns, r->ncolumns * sizeof *wide);
    free(t->stated);
    t->stated = wide;
}

static int load_text(struct topology *t, const struct text *content)
{
    struct reader r = { .t = t };
    char *copy = rb_strdup(content->chars), *at = copy;
    strip_escapes(copy);
    int rc = RB_OK;
    for (char *text; rc == RB_OK && (text = strsep(&at, "\n")) != NULL;) {
        r.line.number++;
        rc = read_line(&r, text);
    }
    if (rc == RB_OK)
        rc = check_matrix(&r);
    if (rc == RB_OK) {
        widen(&r);
        graph_set_model(t, r.model);
        graph_finish(t);
    }
    free(r.row_line);
    free(copy);
    return rc;
}

/* A line that begins with GPU0 and goes on with another heading or a class. */
static bool is_matrix(const struct text *content)
{
    char *copy = rb_strdup(content->chars), *at = copy;
    strip_escapes(copy);
    bool found = false;
    for (char *text; !found && (text = strsep(&at, "\n")) != NULL;) {
        struct line line = { 0 };
        split(&line, text);
        found = is_header(&line) || (is_row(&line) && is_class_word(line.tokens[1]));
    }
    free(copy);
    return found;
}

const struct topology_loader load_nvidia_smi = {
    .source = "nvidia-smi topo -m", .makes = "the text of: nvidia-smi topo -m", .recognises = is_matrix, .load = load_text,
};
