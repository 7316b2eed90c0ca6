#include "report/import_json.h"

#include "core/error.h"

#include <string.h>

bool import_json_holds(const struct import_text *text, const char *part)
{
    size_t first = 0;
    while (first < text->nlines && text->lines[first].text[0] == '\0')
        first++;
    if (first == text->nlines || text->lines[first].text[0] != '{')
        return false;
    for (size_t i = first; i < text->nlines; i++)
        if (strstr(text->lines[i].text, part) != NULL)
            return true;
    return false;
}

int import_json_read(const struct import_reader *reader, json_t **root_p)
{
    struct text all = {0};
    for (size_t i = 0; i < reader->text->nlines; i++) {
        text_add_bytes(&all, reader->text->lines[i].text, strlen(reader->text->lines[i].text));
        text_add_bytes(&all, "\n", 1);
    }
    json_error_t error;
    json_t *root = json_loadb(all.chars, all.length, 0, &error);
    text_free(&all);
    if (root == NULL) {
        const size_t n = reader->text->nlines, at = error.line < 1 ? 1 : (size_t)error.line < n ? (size_t)error.line : n;
        return import_refuse(reader, reader->text->lines[at - 1].number, "not whole JSON: %s", error.text);
    }
    *root_p = root;
    return RB_OK;
}
