#include "bench/environment.h"

#include "core/error.h"
#include "core/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static const char *const allowed[] = {
    "OMPI_MCA_btl",   "OMPI_MCA_pml",  "OMPI_MCA_coll", "OMPI_MCA_mpi_", "OMPI_MCA_hwloc", "OMPI_MCA_rmaps", "OMPI_MCA_mtl",
    "OMPI_MCA_opal_", "UCX_",          "NCCL_",         "CUDA_",         "OMP_",           "MALLOC_",        "HWLOC_",
    "KMP_",           "GOMP_",         "LD_PRELOAD",    "SLURM_JOB_NUM_NODES", "SLURM_NTASKS", "SLURM_CPUS_PER_TASK", "RINGBENCH_",
};

static const char *const secret_words[] = { "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH", "PRIVATE", "APIKEY", "API_KEY", "_KEY" };

bool environment_is_allowed(const char *name)
{
    for (size_t i = 0; i < RB_LEN(allowed); i++)
        if (strncmp(name, allowed[i], strlen(allowed[i])) == 0)
            return true;
    return false;
}

/* Long, without blanks or path separators, letters of both cases and digits mixed: a key rather than a setting. */
static bool looks_random(const char *value)
{
    size_t lower = 0, upper = 0, digits = 0;
    for (const char *c = value; *c != '\0'; c++) {
        if (strchr(" /,:;", *c) != NULL)
            return false;
        lower += islower((unsigned char)*c) != 0;
        upper += isupper((unsigned char)*c) != 0;
        digits += isdigit((unsigned char)*c) != 0;
    }
    const size_t length = strlen(value);
    return length >= 20 && digits >= 3 && ((lower >= 3 && upper >= 3) || (length >= 32 && lower + digits == length));
}

/* scheme://user:password@host */
static bool has_login(const char *value)
{
    const char *scheme = strstr(value, "://");
    const char *at = scheme != NULL ? strchr(scheme + 3, '@') : NULL;
    return at != NULL && memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) != NULL;
}

const char *environment_redact(const char *name, const char *value)
{
    bool secret = looks_random(value) || has_login(value);
    for (size_t i = 0; i < RB_LEN(secret_words); i++)
        secret |= strcasestr(name, secret_words[i]) != NULL;
    return secret ? "(redacted)" : value;
}

json_t *environment_variables(void)
{
    json_t *object = json_object();
    for (char **entry = environ; *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (equals == NULL || !environment_is_allowed(*entry))
            continue;
        char *name = rb_strdup(*entry);
        name[equals - *entry] = '\0';
        json_t *value = json_string(environment_redact(name, equals + 1));
        json_object_set_new(object, name, value != NULL ? value : json_string("(not text)"));
        free(name);
    }
    return object;
}

/* The first line of a file of the kernel, without its end; false when it cannot be read. */
static bool first_line(const char *path, char *text, size_t room)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    const bool read = fgets(text, (int)room, f) != NULL;
    fclose(f);
    if (read)
        text[strcspn(text, "\n")] = '\0';
    return read;
}

/* "key : value" or "key: value" in a file of such lines. */
static bool value_of(const char *path, const char *key, char *text, size_t room)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof line, f) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || colon == NULL)
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        snprintf(text, room, "%.*s", (int)strcspn(colon, "\n"), colon);
        found = true;
    }
    fclose(f);
    return found;
}

const char *environment_processor(void)
{
    static _Thread_local char name[128];
    if (name[0] == '\0' && !value_of("/proc/cpuinfo", "model name", name, sizeof name))
        value_of("/proc/cpuinfo", "Model", name, sizeof name);
    return name;
}

static void add_line(json_t *object, const char *name, const char *path)
{
    char text[256];
    json_object_set_new(object, name, first_line(path, text, sizeof text) ? json_string(text) : json_null());
}

static void add_value(json_t *object, const char *name, const char *path, const char *key)
{
    char text[256];
    json_object_set_new(object, name, value_of(path, key, text, sizeof text) ? json_string(text) : json_null());
}

json_t *environment_machine(void)
{
    json_t *m = json_object();
    struct utsname u;
    if (uname(&u) == 0) {
        json_object_set_new(m, "kernel", json_sprintf("%s %s", u.sysname, u.release));
        json_object_set_new(m, "architecture", json_string(u.machine));
    }
    json_object_set_new(m, "processor", json_string(environment_processor()));
    json_object_set_new(m, "cpus_online", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    add_value(m, "memory_total", "/proc/meminfo", "MemTotal");
    add_value(m, "memory_available", "/proc/meminfo", "MemAvailable");
    add_value(m, "frequency_MHz_now", "/proc/cpuinfo", "cpu MHz");
    add_line(m, "governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    add_line(m, "frequency_kHz_max", "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
    add_line(m, "boost", "/sys/devices/system/cpu/cpufreq/boost");
    add_line(m, "no_turbo", "/sys/devices/system/cpu/intel_pstate/no_turbo");
    add_line(m, "smt", "/sys/devices/system/cpu/smt/active");
    add_line(m, "transparent_huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled");
    add_line(m, "transparent_huge_pages_shared", "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    add_value(m, "huge_pages", "/proc/meminfo", "HugePages_Total");
    add_line(m, "load", "/proc/loadavg");
    add_line(m, "clock", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    json_object_set_new(m, "compiler", json_string(__VERSION__));
    return m;
}

bool environment_steal(double *all_p, double *stolen_p)
{
    char text[256];
    double t[8] = {0}; /* user nice system idle iowait irq softirq steal: proc(5) */
    if (!first_line("/proc/stat", text, sizeof text) ||
        sscanf(text, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) != 8)
        return false;
    *all_p = 0;
    for (size_t i = 0; i < RB_LEN(t); i++)
        *all_p += t[i];
    *stolen_p = t[7];
    return true;
}

double environment_free_bytes(void)
{
    char text[64];
    double kib = 0;
    return value_of("/proc/meminfo", "MemAvailable", text, sizeof text) && sscanf(text, "%lf", &kib) == 1 ? kib * 1024 : 0;
}
