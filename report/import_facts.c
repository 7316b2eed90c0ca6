#include "report/import_facts.h"

#include "core/error.h"
#include "report/import_read.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* --- names --- */

void facts_add_gpu(struct import_source *s, const char *name, size_t length)
{
    char model[48];
    import_copy(model, sizeof model, name, length);
    const size_t used = strlen(s->gpu);
    if (model[0] == '\0' || strstr(s->gpu, model) != NULL)
        return;
    snprintf(s->gpu + used, sizeof s->gpu - used, "%s%s", used > 0 ? " + " : "", model);
}

static bool begins_model(const char *word)
{
    static const char *const makers[] = { "NVIDIA", "Tesla", "GeForce", "RTX", "GTX", "Quadro", "AMD" };
    for (size_t i = 0; i < RB_LEN(makers); i++)
        if (import_begins(word, makers[i]))
            return true;
    return isupper((unsigned char)word[0]) && strcspn(word, "0123456789") < strcspn(word, " ,;");
}

/* "H100 80GB (GCP a3-megagpu-8g)" -> "H100 80GB"; words in front that name no model are skipped. */
static void gpu_from_preface(struct import_source *s, const char *text)
{
    const char *end = text + strcspn(text, "(;,");
    for (const char *at = text; at < end; at += strcspn(at, " "), at += strspn(at, " "))
        if (begins_model(at)) {
            while (end > at && end[-1] == ' ')
                end--;
            facts_add_gpu(s, at, (size_t)(end - at));
            return;
        }
}

void facts_nccl_code(struct import_source *s, uint64_t code)
{
    const uint64_t major = code >= 10000 ? code / 10000 : code / 1000;
    const uint64_t rest = code >= 10000 ? code % 10000 : code % 1000;
    if (s->nccl[0] == '\0' && code > 1000 && code < 1000000)
        snprintf(s->nccl, sizeof s->nccl, "%u.%u.%u", (unsigned)major, (unsigned)(rest / 100), (unsigned)(rest % 100));
}

/* --- technologies --- */

enum layer { LAYER_NODE, LAYER_NETWORK, LAYER_ONLY_NAMED };

/* How a technology is written in logs, what it is called here, and the transport that it means. Longer spellings first. */
static const struct technology {
    const char *spelling, *name, *transport;
    enum layer layer;
} technologies[] = {
    { "NVLink2", "NVLink2", "nvlink", LAYER_NODE },
    { "NVLink3", "NVLink3", "nvlink", LAYER_NODE },
    { "NVLink4", "NVLink4", "nvlink", LAYER_NODE },
    { "NVLink5", "NVLink5", "nvlink", LAYER_NODE },
    { "NVLink-C2C", "NVLink-C2C", "c2c", LAYER_NODE },
    { "NVLink", "NVLink", "nvlink", LAYER_NODE },
    { "NVL72", "NVL72", "nvlink", LAYER_NODE },
    { "NVSwitch", "NVSwitch", "nvlink", LAYER_NODE },
    { "NV12", "NV12", "nvlink", LAYER_NODE },
    { "NV18", "NV18", "nvlink", LAYER_NODE },
    { "NV8", "NV8", "nvlink", LAYER_NODE },
    { "PCIe", "PCIe", "pcie", LAYER_NODE },
    { "no P2P", "no P2P", "", LAYER_ONLY_NAMED },
    { "CANNOT access peer", "no P2P", "", LAYER_ONLY_NAMED },
    { "P2P driver", "P2P driver patch", "", LAYER_ONLY_NAMED },
    { "550.90.07-p2p", "P2P driver patch", "", LAYER_ONLY_NAMED },
    { "host memory", "host memory", "", LAYER_ONLY_NAMED },
    { "MNNVL", "MNNVL", "nvlink", LAYER_NODE },
    { "RoCE", "RoCE", "roce", LAYER_NETWORK },
    { "InfiniBand", "InfiniBand", "ib", LAYER_NETWORK },
    { "SHARP", "SHARP", "", LAYER_ONLY_NAMED },
    { "EFA", "EFA", "efa", LAYER_NETWORK },
    { "TCPXO", "TCPXO", "tcpxo", LAYER_NETWORK },
    { "TCPX", "TCPX", "tcpx", LAYER_NETWORK },
    { "Slingshot", "Slingshot", "slingshot", LAYER_NETWORK },
    { "CXI hook disabled", "TCP", "tcp", LAYER_NETWORK },
    { "NCCL sockets", "TCP", "tcp", LAYER_NETWORK },
};

/* The row whose spelling begins here, NULL when none does. */
static const struct technology *technology_at(const char *text)
{
    for (size_t i = 0; i < RB_LEN(technologies); i++)
        if (import_begins(text, technologies[i].spelling))
            return &technologies[i];
    return NULL;
}

static const char *after_technology(const char *at, const struct technology *t)
{
    return at + (t != NULL ? strlen(t->spelling) : 1);
}

static void name_technologies(struct import_source *s, const char *text)
{
    const struct technology *t;
    for (const char *at = text; *at != '\0'; at = after_technology(at, t)) {
        t = technology_at(at);
        const size_t used = strlen(s->interconnect);
        if (t != NULL && strstr(s->interconnect, t->name) == NULL && used + strlen(t->name) + 4 < sizeof s->interconnect)
            snprintf(s->interconnect + used, sizeof s->interconnect - used, "%s%s", used > 0 ? " + " : "", t->name);
    }
}

/* The first technology of that layer, by the names that name_technologies() wrote. */
static const char *first_transport(const char *interconnect, enum layer layer)
{
    const char *at = interconnect;
    while (at != NULL && *at != '\0') {
        for (size_t i = 0; i < RB_LEN(technologies); i++)
            if (technologies[i].layer == layer && strlen(technologies[i].name) == strcspn(at, "+") - (strchr(at, '+') != NULL) &&
                import_begins(at, technologies[i].name))
                return technologies[i].transport;
        at = import_after(at, " + ");
    }
    return "";
}

void facts_guess(struct import_source *s)
{
    if (s->transport[0] != '\0')
        return;
    const char *network = s->nodes == 1 ? "" : first_transport(s->interconnect, LAYER_NETWORK);
    const char *inside = first_transport(s->interconnect, LAYER_NODE);
    const char *guess = network[0] != '\0' ? network : s->nodes > 1 && strstr(s->interconnect, "MNNVL") == NULL ? "network" : inside;
    import_copy(s->transport, sizeof s->transport, guess, strlen(guess));
}

/* --- lines --- */

static void version_after(char *field, size_t size, const char *text, const char *mark)
{
    const char *at = import_after(text, mark);
    if (at == NULL || field[0] != '\0')
        return;
    at += strspn(at, ":v ");
    import_copy(field, size, at, strspn(at, "0123456789."));
}

static void nccl_version(struct import_source *s, const char *text)
{
    uint64_t code;
    if (import_number_after(text, "nccl-library=", &code) || import_number_after(text, "NCCL version: ", &code))
        facts_nccl_code(s, code);
    else if (strstr(text, "NCCL version ") != NULL)
        version_after(s->nccl, sizeof s->nccl, text, "NCCL version ");
    version_after(s->cuda, sizeof s->cuda, text, "+cuda");
}

static void nvls_from_line(struct import_source *s, const char *text)
{
    const char *channels = strstr(text, " nvls channels");
    if (strstr(text, "NVLS multicast support is available") != NULL || (channels != NULL && channels > text && channels[-1] != '0'))
        s->nvls = 1;
    else if (strstr(text, "NVLS multicast support is not available") != NULL || strstr(text, "NCCL_NVLS_ENABLE=0") != NULL)
        s->nvls = 0;
}

static void algorithm_from_line(struct import_source *s, const char *text)
{
    static const char *const marks[] = { "NCCL_ALGO=", "NCCL_ALGO set by environment to " };
    for (size_t i = 0; i < RB_LEN(marks) && s->algorithm[0] == '\0'; i++) {
        const char *at = import_after(text, marks[i]);
        if (at == NULL)
            continue;
        import_copy(s->algorithm, sizeof s->algorithm, at, strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"));
        for (char *c = s->algorithm; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
    }
}

/* "Channel 00/0 : 0[0] -> 8[0] [send] via NET/IB/0/GDRDMA": the network, when one is used. */
static void network_from_line(struct import_source *s, const char *text)
{
    static const struct {
        const char *mark, *name;
    } rows[] = { { "via NET/IB", "InfiniBand" }, { "via NET/Socket", "TCP" }, { "via NET/AWS", "EFA" } };
    for (size_t i = 0; i < RB_LEN(rows) && s->interconnect[0] == '\0'; i++)
        if (strstr(text, rows[i].mark) != NULL)
            import_copy(s->interconnect, sizeof s->interconnect, rows[i].name, strlen(rows[i].name));
}

/* ".../all_reduce_perf" as a word of a command line. */
static void collective_from_line(struct import_source *s, const char *text)
{
    const char *end = strstr(text, "_perf");
    if (end == NULL || s->collective[0] != '\0' || (end[5] != ' ' && end[5] != '\0'))
        return;
    const char *at = end;
    while (at > text && (islower((unsigned char)at[-1]) || at[-1] == '_'))
        at--;
    import_copy(s->collective, sizeof s->collective, at, (size_t)(end - at));
}

void facts_from_line(struct import_source *s, const char *text)
{
    nccl_version(s, text);
    nvls_from_line(s, text);
    algorithm_from_line(s, text);
    network_from_line(s, text);
    collective_from_line(s, text);
}

/* --- the collector's lines --- */

static int number_before(const char *text, const char *mark)
{
    const char *end = strstr(text, mark);
    if (end == NULL)
        return 0;
    const char *at = end;
    while (at > text && isdigit((unsigned char)at[-1]))
        at--;
    uint64_t n;
    return import_whole((struct import_word){ at, (size_t)(end - at) }, &n) && n < 100000 ? (int)n : 0;
}

static int nodes_from_count(const char *text)
{
    static const char *const many[] = { " nodes", " workers", " VMs", " x " };
    if (strstr(text, "one node") != NULL || strstr(text, "one process") != NULL)
        return 1;
    const char *bracket = strchr(text, '(');
    for (size_t i = 0; bracket != NULL && i < RB_LEN(many); i++)
        if (number_before(bracket, many[i]) > 0)
            return number_before(bracket, many[i]);
    return 0;
}

static const char *known_collective(const char *text)
{
    static const char *const names[] = { "all_reduce", "reduce_scatter", "all_gather", "alltoall", "broadcast", "reduce", "sendrecv",
                                         "gather",     "scatter",        "hypercube" };
    for (size_t i = 0; i < RB_LEN(names); i++)
        if (import_begins(text, names[i]))
            return names[i];
    return "";
}

/* An address without what was written behind it; anything else whole. */
static void address_from_preface(struct import_source *s, const char *source)
{
    const char *address = source[0] == '\0'                      ? s->path
                          : strstr(source, "not recorded") != NULL ? "published on GitHub, repository not recorded"
                                                                   : source;
    const size_t length = import_begins(address, "http") ? strcspn(address, " ") : strlen(address);
    import_copy(s->address, sizeof s->address, address, length);
}

void facts_from_preface(struct import_source *s, const struct import_preface *p)
{
    address_from_preface(s, p->source);
    gpu_from_preface(s, p->gpu);
    const char *collective = known_collective(p->collective);
    import_copy(s->collective, sizeof s->collective, collective, strlen(collective));
    uint64_t count;
    if (import_number_after(p->count, "", &count) && count < 100000)
        s->gpus = (int)count;
    s->nodes = strstr(p->interconnect, "single node") != NULL ? 1 : nodes_from_count(p->count);
    name_technologies(s, p->interconnect);
    facts_from_line(s, p->interconnect);
    nvls_from_line(s, p->nccl);
    if (isdigit((unsigned char)p->nccl[0]))
        version_after(s->nccl, sizeof s->nccl, p->nccl, "");
    if (strstr(p->interconnect, "NVLS") != NULL || strstr(p->nccl, "no NVLS") != NULL)
        s->nvls = strstr(p->nccl, "no NVLS") == NULL;
}
