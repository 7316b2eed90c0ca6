#include "tests/nvml/answers.h"

#include "topo/nvml_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 4096, LINE_MAX_CHARS = ANSWER_CHARS, UNINITIALIZED = 1, INSUFFICIENT_SIZE = 7 };

static char lines[LINES_MAX][LINE_MAX_CHARS];
static int nlines, opened;
static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
        text[--n] = '\0';
    return text;
}

static int read_lines(void)
{
    const char *path = getenv("RINGBENCH_NVML_RECORD");
    FILE *f = path != NULL ? fopen(path, "r") : NULL;
    if (f == NULL)
        return NVML_DRIVER_NOT_LOADED;
    char line[LINE_MAX_CHARS];
    for (nlines = 0; nlines < LINES_MAX && fgets(line, sizeof line, f) != NULL;) {
        char *text = trim(line);
        if (*text != '#' && strchr(text, '=') != NULL)
            memcpy(lines[nlines++], text, strlen(text) + 1);
    }
    fclose(f);
    return NVML_OK;
}

static int in_list(const char *list, long number)
{
    for (const char *at = list; *at != '\0';) {
        char *end;
        const long low = strtol(at, &end, 10);
        const long high = *end == '-' ? strtol(end + 1, &end, 10) : low;
        if (number >= low && number <= high)
            return 1;
        at = *end == ',' ? end + 1 : end + strlen(end);
    }
    return 0;
}

static int word_fits(const char *pattern, const char *word)
{
    if (strcmp(pattern, word) == 0)
        return 1;
    if (word[0] < '0' || word[0] > '9')
        return 0;
    return strcmp(pattern, "*") == 0 || in_list(pattern, atol(word));
}

/* The value, or NULL. */
static const char *fits(const char *line, const char *key)
{
    char pattern[LINE_MAX_CHARS], asked[LINE_MAX_CHARS], *p_rest = NULL, *a_rest = NULL;
    const size_t length = (size_t)(strchr(line, '=') - line);
    memcpy(pattern, line, length);
    pattern[length] = '\0';
    snprintf(asked, sizeof asked, "%s", key);
    char *p = strtok_r(pattern, " \t", &p_rest), *a = strtok_r(asked, " \t", &a_rest);
    while (p != NULL && a != NULL && word_fits(p, a)) {
        p = strtok_r(NULL, " \t", &p_rest);
        a = strtok_r(NULL, " \t", &a_rest);
    }
    const char *value = line + length + 1;
    return p == NULL && a == NULL ? value + strspn(value, " \t") : NULL;
}

static int look_up(const char *key, const char **value_p)
{
    *value_p = NULL;
    for (int i = nlines - 1; *value_p == NULL && i >= 0; i--)
        *value_p = fits(lines[i], key);
    if (*value_p == NULL)
        return NVML_NOT_SUPPORTED;
    return **value_p == '!' ? atoi(*value_p + 1) : NVML_OK;
}

int answer_text(const char *key, char *text, unsigned length)
{
    const char *value;
    const int result = opened ? look_up(key, &value) : UNINITIALIZED;
    if (result == NVML_OK && strlen(value) >= length)
        return INSUFFICIENT_SIZE;
    if (result == NVML_OK)
        memcpy(text, value, strlen(value) + 1);
    return result;
}

int answer_number(const char *key, double *number_p)
{
    char text[LINE_MAX_CHARS];
    const int result = answer_text(key, text, sizeof text);
    if (result == NVML_OK)
        *number_p = strtod(text, NULL);
    return result;
}

int answer_unsigned(const char *key, unsigned *v_p)
{
    double v = 0;
    const int result = answer_number(key, &v);
    if (result == NVML_OK)
        *v_p = (unsigned)v;
    return result;
}

int answers_open(void)
{
    double unused = 0;
    const int result = read_lines();
    if (result != NVML_OK)
        return result;
    opened = 1;
    const int init = answer_number("init", &unused);
    opened = init == NVML_OK || init == NVML_NOT_SUPPORTED;
    return opened ? NVML_OK : init;
}

void answers_close(void)
{
    opened = 0;
}
