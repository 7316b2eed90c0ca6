#include "collectives/transport/verbs_port.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEVICES = 64, MOST_GIDS = 256 };

uint32_t verbs_mtu_bytes(enum ibv_mtu mtu)
{
    return UINT32_C(128) << (unsigned)mtu; /* IBV_MTU_256 is 1 */
}

const char *verbs_gid_kind(uint32_t type)
{
    return type == IBV_GID_TYPE_ROCE_V2 ? "RoCE v2" : type == IBV_GID_TYPE_ROCE_V1 ? "RoCE v1" : "InfiniBand";
}

static bool is_mapped_ipv4(const union ibv_gid *gid)
{
    static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
    return memcmp(gid->raw, prefix, sizeof prefix) == 0;
}

static bool is_empty(const union ibv_gid *gid)
{
    static const union ibv_gid none;
    return memcmp(gid, &none, sizeof none) == 0;
}

/* 0: of no use. */
static int gid_worth(const struct ibv_gid_entry *e, bool ethernet)
{
    if (is_empty(&e->gid))
        return 0;
    if (!ethernet)
        return e->gid_type == IBV_GID_TYPE_IB && e->gid_index == 0;
    if (e->gid_type == IBV_GID_TYPE_ROCE_V1)
        return 1;
    if (e->gid_type != IBV_GID_TYPE_ROCE_V2)
        return 0;
    const bool link_local = e->gid.raw[0] == 0xfe && (e->gid.raw[1] & 0xc0) == 0x80;
    return is_mapped_ipv4(&e->gid) ? 4 : link_local ? 2 : 3;
}

int verbs_gid_choose(const struct ibv_gid_entry *entries, int count, bool ethernet)
{
    int best = -1, worth = 0;
    for (int i = 0; i < count; i++)
        if (gid_worth(&entries[i], ethernet) > worth) {
            worth = gid_worth(&entries[i], ethernet);
            best = i;
        }
    return best;
}

static bool find_gid(struct verbs_port *p)
{
    static const uint32_t all = 0;
    struct ibv_gid_entry *entries = rb_calloc(MOST_GIDS, sizeof *entries);
    int n = 0;
    for (int i = 0; i < p->attr.gid_tbl_len && n < MOST_GIDS; i++)
        n += p->api->query_gid_ex(p->context, p->port, (uint32_t)i, &entries[n], all, sizeof *entries) == 0;
    const int best = verbs_gid_choose(entries, n, p->attr.link_layer == IBV_LINK_LAYER_ETHERNET);
    if (best >= 0)
        p->gid = entries[best];
    free(entries);
    return best >= 0;
}

/* Of several ports that cannot be used, one that lacks only an address tells most. */
static const char no_gid[] = "it has no GID: give its network interface an IP address";

static void note_why(const char **why_p, const char *why)
{
    if (*why_p != no_gid)
        *why_p = why;
}

/* Fills attr, gid and name; *why_p when the port cannot be used. */
static bool look_at(struct verbs_port *p, uint8_t number, const char **why_p)
{
    p->port = number;
    snprintf(p->name, sizeof p->name, "%.56s:%u", p->device, number);
    memset(&p->attr, 0, sizeof p->attr); /* the library fills only what its caller's version knew */
    note_why(why_p, "the device does not answer");
    if (p->api->query_port(p->context, number, (struct _compat_ibv_port_attr *)&p->attr) != 0)
        return false;
    note_why(why_p, "its link is down (see rdma link, or ibstat)");
    if (p->attr.state != IBV_PORT_ACTIVE)
        return false;
    *why_p = no_gid;
    return find_gid(p);
}

/* wanted 0: the first port that serves. */
static bool open_port(struct verbs_port *p, struct ibv_device *device, unsigned wanted, const char **why_p)
{
    snprintf(p->device, sizeof p->device, "%.63s", p->api->get_device_name(device));
    p->context = p->api->open_device(device);
    note_why(why_p, "it cannot be opened: may this user read and write /dev/infiniband/uverbs*?");
    if (p->context == NULL)
        return false;
    if (p->api->query_device(p->context, &p->limits) == 0) {
        note_why(why_p, "it has no port of that number");
        for (unsigned n = 1; n <= p->limits.phys_port_cnt; n++)
            if ((wanted == 0 || wanted == n) && look_at(p, (uint8_t)n, why_p))
                return true;
    }
    verbs_port_close(p);
    return false;
}

void verbs_port_close(struct verbs_port *p)
{
    if (p->context != NULL)
        p->api->close_device(p->context);
    p->context = NULL;
}

/* The device of this name, or the first that serves when name is NULL. */
static bool open_named(struct verbs_port *p, struct ibv_device **list, const char *name, const char **why_p)
{
    uint64_t wanted = 0;
    char device[VERBS_NAME] = "";
    if (name != NULL) {
        const char *colon = strchr(name, ':');
        snprintf(device, sizeof device, "%.*s", colon != NULL ? (int)(colon - name) : (int)strlen(name), name);
        *why_p = "the port is no number";
        if (colon != NULL && (!units_parse_count(colon + 1, &wanted) || wanted < 1 || wanted > 255))
            return false;
    }
    *why_p = name != NULL ? "there is no such device" : "there is no RDMA device";
    for (int i = 0; list[i] != NULL; i++)
        if ((name == NULL || strcmp(p->api->get_device_name(list[i]), device) == 0) && open_port(p, list[i], (unsigned)wanted, why_p))
            return true;
    return false;
}

static int refuse(const struct verbs_api *api, struct ibv_device **list, const char *forced, const char *why)
{
    const char *names[MOST_DEVICES] = { NULL };
    size_t n = 0;
    struct text known = {0};
    for (; n < MOST_DEVICES && list[n] != NULL; n++) {
        names[n] = api->get_device_name(list[n]);
        text_add(&known, "%s%s", n > 0 ? ", " : "", names[n]);
    }
    const char *near = text_nearest(forced, names, n);
    const int rc = near != NULL && strcmp(near, forced) != 0 && strchr(forced, ':') == NULL
                       ? rb_fail(RB_EUSAGE, "--device %s: %s; did you mean %s?", forced, why, near)
                       : rb_fail(RB_EUSAGE, "--device %s: %s; RDMA devices here: %s", forced, why, n > 0 ? known.chars : "none");
    text_free(&known);
    return rc;
}

static int choose(struct verbs_port *p, struct ibv_device **list, const char *forced, const char *near)
{
    const char *why = "";
    if (forced != NULL)
        return open_named(p, list, forced, &why) ? RB_OK : refuse(p->api, list, forced, why);
    if (near != NULL && open_named(p, list, near, &why))
        return RB_OK;
    if (open_named(p, list, NULL, &why))
        return RB_OK;
    return rb_fail(RB_EUSAGE, "no RDMA device can be used: %s%s%s", p->device, p->device[0] != '\0' ? ": " : "", why);
}

int verbs_port_open(struct verbs_port *p, const char *forced, const char *near)
{
    const char *why;
    *p = (struct verbs_port){ .api = verbs_api_get(&why) };
    if (p->api == NULL)
        return rb_fail(RB_EUSAGE, "%s", why);
    struct ibv_device **list = p->api->get_device_list(NULL);
    if (list == NULL)
        return rb_fail(RB_EUSAGE, "the RDMA devices cannot be listed: %s", strerror(errno));
    const int rc = choose(p, list, forced, near);
    p->api->free_device_list(list);
    return rc;
}

bool verbs_port_any(const char **why_p)
{
    struct verbs_port p = { .api = verbs_api_get(why_p) };
    if (p.api == NULL)
        return false;
    *why_p = "there is no RDMA device";
    struct ibv_device **list = p.api->get_device_list(NULL);
    if (list == NULL)
        return false;
    const bool any = open_named(&p, list, NULL, why_p);
    p.api->free_device_list(list);
    verbs_port_close(&p);
    return any;
}
