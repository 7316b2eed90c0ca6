/* What was run, on what, and what spoils a benchmark: whatever the run record holds, level by level. */
#include "report/html.h"
#include "report/page_sections.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 4 };

/* A value on one line: "a, b", "k: v; k: v". */
static void flatten(struct text *t, const json_t *value, int depth)
{
    const char *key;
    json_t *v;
    size_t i;
    if (json_is_string(value)) {
        text_add(t, "%s", json_string_value(value));
    } else if (depth < DEEPEST && json_is_array(value)) {
        json_array_foreach(value, i, v)
        {
            text_add(t, "%s", i == 0 ? "" : json_is_object(v) ? " / " : ", ");
            flatten(t, v, depth + 1);
        }
    } else if (depth < DEEPEST && json_is_object(value)) {
        const char *between = "";
        json_object_foreach((json_t *)(uintptr_t)value, key, v)
        {
            text_add(t, "%s%s: ", between, key);
            flatten(t, v, depth + 1);
            between = "; ";
        }
    } else if (json_is_null(value)) {
        text_add(t, "\u2013");
    } else if (json_is_boolean(value)) {
        text_add(t, json_is_true(value) ? "yes" : "no");
    } else {
        char *s = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
        text_add(t, "%s", s != NULL ? s : "?");
        free(s);
    }
}

/* "huge_pages" reads "huge pages". */
static void name_cell(struct text *out, const char *key)
{
    char *name = rb_strdup(key);
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '_' ? ' ' : *at;
    text_add(out, "<td class=\"name\">");
    html_text(out, name);
    text_add(out, "</td>");
    free(name);
}

static void row(struct text *out, const char *key, const json_t *value)
{
    struct text t = {0};
    flatten(&t, value, 0);
    html_row_begin(out);
    name_cell(out, key);
    text_add(out, "<td class=\"wide\">");
    html_text(out, t.chars != NULL && t.length > 0 ? t.chars : "\u2013");
    text_add(out, "</td>");
    html_row_end(out);
    text_free(&t);
}

static void heading(struct text *out, const char *key)
{
    char *name = rb_strdup(key);
    name[0] = (char)toupper((unsigned char)name[0]);
    /* What spoils a benchmark is not to be clicked for. */
    text_add(out, strcmp(key, "machine") == 0 ? "<details open><summary>" : "<details><summary>");
    html_text(out, name);
    text_add(out, "</summary>\n");
    free(name);
}

/* What the run noted of itself: cycles of a soak, the cost of the harness. */
static void note_rows(struct text *out, const json_t *notes)
{
    size_t i;
    json_t *note;
    json_array_foreach(notes, i, note)
    {
        const char *text = json_string_value(json_object_get(note, "text"));
        if (json_object_get(note, "about") != NULL)
            continue; /* stands elsewhere */
        json_t *rest = json_copy(note);
        json_object_del(rest, "schema");
        json_object_del(rest, "kind");
        json_object_del(rest, "text");
        row(out, text, rest);
        json_decref(rest);
    }
}

/* nested: with the members that are objects themselves. */
static void table(struct text *out, const json_t *object, const json_t *notes, bool nested)
{
    const char *key;
    json_t *v;
    html_table_begin(out, "what|value");
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
        if (nested || !json_is_object(v))
            row(out, key, v);
    note_rows(out, notes);
    html_table_end(out);
}

const char *section_machine(struct text *out, const struct page_input *in)
{
    const char *key;
    json_t *v;
    if (in->records->run == NULL)
        return "the records have no run line: they were imported, or only results";
    json_t *shown = json_copy(in->records->run);
    json_object_del(shown, "schema");
    json_object_del(shown, "kind");
    json_object_del(shown, "topology"); /* its summary stands beside; the whole is for programs */
    table(out, shown, in->records->notes, false);
    json_object_foreach(shown, key, v)
        if (json_is_object(v) && json_object_size(v) > 0) {
            heading(out, key);
            table(out, v, NULL, true);
            text_add(out, "</details>\n");
        }
    json_decref(shown);
    return NULL;
}
