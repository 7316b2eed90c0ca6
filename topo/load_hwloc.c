/* Processors and memory, from the machine or from hwloc's XML. */
#include "topo/load_hwloc.h"

#include "core/error.h"
#include "topo/xml_check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REHEARSAL_SEC = 10 };

/* hwloc leaves userdata to us; 0 is "none". */
void load_remember(hwloc_obj_t obj, int device)
{
    obj->userdata = (void *)((intptr_t)device + 1);
}

int load_device_of(hwloc_obj_t obj)
{
    return (int)(intptr_t)obj->userdata - 1;
}

static int node_device(const struct topology *t, unsigned os_index)
{
    for (size_t i = 0; i < t->ndevices; i++)
        if (t->devices[i].kind == TOPO_NUMA && t->devices[i].os_index == (int)os_index)
            return (int)i;
    return -1;
}

/* Two kinds of memory beside the same cores are two nodes to the system, but one place: the first stands for both. */
int load_only_node(const struct topology *t, hwloc_obj_t obj)
{
    while (obj != NULL && obj->nodeset == NULL)
        obj = obj->parent;
    hwloc_obj_t first = NULL;
    for (hwloc_obj_t n = NULL; obj != NULL && (n = hwloc_get_next_obj_by_type(t->hwloc, HWLOC_OBJ_NUMANODE, n)) != NULL;) {
        if (!hwloc_bitmap_isset(obj->nodeset, n->os_index) || hwloc_bitmap_iszero(n->cpuset))
            continue;
        if (first != NULL && !hwloc_bitmap_isequal(first->cpuset, n->cpuset))
            return -1;
        first = first != NULL ? first : n;
    }
    return first != NULL ? node_device(t, first->os_index) : -1;
}

static void describe_memory(struct topology_device *d, hwloc_obj_t obj)
{
    if (d->kind == TOPO_NUMA)
        d->bytes = obj->attr->numanode.local_memory;
    if (d->kind == TOPO_CACHE) {
        d->bytes = obj->attr->cache.size;
        d->cache_level = (int)obj->attr->cache.depth;
        snprintf(d->name, sizeof d->name, "L%d %u", d->cache_level, obj->logical_index);
    }
}

static int add_object(struct topology *t, hwloc_obj_t obj, enum topo_kind kind, int parent)
{
    const int index = graph_add(t, kind, parent);
    struct topology_device *d = graph_device(t, index);
    d->os_index = (int)obj->os_index;
    d->cores = hwloc_get_nbobjs_inside_cpuset_by_type(t->hwloc, obj->cpuset, HWLOC_OBJ_CORE);
    if (d->cores == 0 && !hwloc_bitmap_iszero(obj->cpuset))
        d->cores = 1; /* hwloc found no cores, only CPUs, or this is part of one */
    hwloc_bitmap_list_snprintf(d->cpus, sizeof d->cpus, obj->cpuset);
    describe_memory(d, obj);
    if (kind == TOPO_PACKAGE) {
        const char *model = hwloc_obj_get_info_by_name(obj, "CPUModel");
        snprintf(d->detail, sizeof d->detail, "%s", model != NULL ? model : "");
        d->package = index;
    }
    d->numa = kind == TOPO_NUMA ? index : load_only_node(t, obj);
    load_remember(obj, index);
    return index;
}

/* The first NUMA node below becomes the place where the rest hangs: cores are inside their memory. */
static int add_memory(struct topology *t, hwloc_obj_t obj, int parent)
{
    int place = parent;
    for (hwloc_obj_t m = obj->memory_first_child; m != NULL; m = m->next_sibling) {
        const int index = m->type == HWLOC_OBJ_NUMANODE ? add_object(t, m, TOPO_NUMA, parent) : add_memory(t, m, parent);
        if (place == parent)
            place = index;
    }
    return place;
}

/* TOPO_KINDS: the object is not shown, its children are. */
static enum topo_kind kind_of(hwloc_obj_t obj)
{
    switch (obj->type) {
    case HWLOC_OBJ_PACKAGE:
        return TOPO_PACKAGE;
    case HWLOC_OBJ_L2CACHE:
    case HWLOC_OBJ_L3CACHE:
    case HWLOC_OBJ_L4CACHE:
        return TOPO_CACHE;
    case HWLOC_OBJ_CORE:
        return TOPO_CORE;
    default:
        return TOPO_KINDS;
    }
}

static void walk(struct topology *t, hwloc_obj_t obj, int parent)
{
    const enum topo_kind kind = kind_of(obj);
    if (kind != TOPO_KINDS)
        parent = add_object(t, obj, kind, parent);
    const int place = add_memory(t, obj, parent);
    for (hwloc_obj_t child = obj->first_child; child != NULL; child = child->next_sibling)
        walk(t, child, place);
}

/* Caches that hold a NUMA node come before it, so nodes are known only now. */
static void complete_nodes(struct topology *t)
{
    for (size_t i = 0; i < t->ndevices; i++) {
        struct topology_device *d = &t->devices[i];
        if (d->numa < 0 && d->kind != TOPO_PACKAGE)
            d->numa = graph_above(t, (int)i, TOPO_NUMA);
    }
}

/* I/O devices come last so that the CPU side has low indices. Preorder, so nodes and packages are in order. */
static void walk_io(struct topology *t, hwloc_obj_t obj)
{
    hwloc_obj_t near = obj;
    while (near != NULL && load_device_of(near) < 0)
        near = near->parent;
    const int node = load_only_node(t, obj);
    if (obj->io_first_child != NULL)
        load_io_children(t, obj, node >= 0 ? node : near != NULL ? load_device_of(near) : -1);
    for (hwloc_obj_t child = obj->first_child; child != NULL; child = child->next_sibling)
        walk_io(t, child);
}

static void prepare(hwloc_topology_t h)
{
    hwloc_topology_set_all_types_filter(h, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_icache_types_filter(h, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_io_types_filter(h, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    hwloc_topology_set_type_filter(h, HWLOC_OBJ_BRIDGE, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_type_filter(h, HWLOC_OBJ_PCI_DEVICE, HWLOC_TYPE_FILTER_KEEP_ALL); /* NVSwitches are not "important" */
}

static void build(struct topology *t)
{
    hwloc_obj_t root = hwloc_get_root_obj(t->hwloc);
    walk(t, root, -1);
    complete_nodes(t);
    walk_io(t, root);
    load_nvlinks(t);
    graph_finish(t);
}

static hwloc_topology_t never_used;

static void hold_plugins(void)
{
    hwloc_topology_init(&never_used);
}

/* hwloc unloads its plugins with the last topology. One that is never used holds them: loading again is quicker, and a leak
 * checker can tell what belongs to them. */
static void hold_plugins_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, hold_plugins);
}

static int load_live(struct topology *t, const struct text *content)
{
    (void)content;
    hold_plugins_once();
    if (hwloc_topology_init(&t->hwloc) != 0)
        return rb_fail(RB_EINTERNAL, "hwloc cannot be initialised");
    prepare(t->hwloc);
    if (hwloc_topology_load(t->hwloc) != 0) {
        hwloc_topology_destroy(t->hwloc);
        t->hwloc = NULL;
        return rb_fail(RB_EINTERNAL, "hwloc cannot read this machine's topology; --topology FILE takes one from a file");
    }
    t->live = hwloc_topology_is_thissystem(t->hwloc) != 0;
    build(t);
    return RB_OK;
}

static int refuse_xml(const struct topology *t)
{
    return rb_fail(RB_EUSAGE, "%s: well-formed XML, but no topology that hwloc understands; make one with: lstopo --of xml FILE", t->file);
}

static int import_xml(hwloc_topology_t h, const struct text *content)
{
    prepare(h);
    if (hwloc_topology_set_xmlbuffer(h, content->chars, (int)content->length + 1) != 0)
        return -1;
    return hwloc_topology_load(h);
}

static _Noreturn void rehearse(const struct text *content, int messages)
{
    const struct rlimit none = { 0, 0 };
    dup2(messages, STDERR_FILENO);
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    alarm(REHEARSAL_SEC);
    hwloc_topology_t h;
    _exit(hwloc_topology_init(&h) != 0 || import_xml(h, content) != 0);
}

static bool is_empty(int file)
{
    struct stat s;
    return fstat(file, &s) != 0 || s.st_size == 0;
}

/* hwloc trusts its files: a damaged attribute may end the process, or only print a warning. So a child tries it first. */
static bool survives(const struct text *content)
{
    const int messages = memfd_create("hwloc messages", MFD_CLOEXEC);
    const pid_t child = fork();
    if (child == 0)
        rehearse(content, messages);
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    const bool silent = messages < 0 || is_empty(messages);
    if (messages >= 0)
        close(messages);
    return silent && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int load_xml(struct topology *t, const struct text *content)
{
    char why[160];
    const size_t line = xml_check(content->chars, content->length, why, sizeof why);
    if (line != 0)
        return rb_fail(RB_EUSAGE, "%s:%zu: damaged XML: %s", t->file, line, why);
    if (!survives(content))
        return refuse_xml(t);
    if (hwloc_topology_init(&t->hwloc) != 0)
        return rb_fail(RB_EINTERNAL, "hwloc cannot be initialised");
    if (import_xml(t->hwloc, content) != 0) {
        hwloc_topology_destroy(t->hwloc);
        t->hwloc = NULL;
        return refuse_xml(t);
    }
    build(t);
    return RB_OK;
}

static bool is_xml(const struct text *content)
{
    const char *at = content->chars + strspn(content->chars, " \t\r\n");
    return *at == '<';
}

const struct topology_loader load_machine = { .source = "this machine", .load = load_live };

const struct topology_loader load_hwloc_xml = {
    .source = "hwloc XML", .makes = "an hwloc XML file (lstopo --of xml FILE)", .recognises = is_xml, .load = load_xml,
};
