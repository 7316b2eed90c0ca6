#include "report/sheet_html.h"

#include "report/html.h"

#include <stdlib.h>

static void headings(struct text *out, const struct sheet *s)
{
    struct text line = {0};
    for (size_t i = 0; i < sheet_columns(s); i++) {
        const struct sheet_column *c = sheet_column_shown(s, i);
        if (c == NULL)
            continue;
        text_add(&line, "%s%s%s%s%s", line.length > 0 ? "|" : "", c->kind == SHEET_NUMBER ? ">" : "", c->title, c->unit != NULL ? ", " : "",
                 c->unit != NULL ? c->unit : "");
    }
    html_table_begin(out, line.chars != NULL ? line.chars : "");
    text_free(&line);
}

static void cell(struct text *out, const struct sheet *s, size_t row, const struct sheet_column *c)
{
    char *text = sheet_cell(s, row, c->name);
    text_add(out, c->kind == SHEET_NUMBER ? "<td class=\"n\">" : "<td class=\"name\">");
    html_text(out, text);
    text_add(out, "</td>");
    free(text);
}

void sheet_html(struct text *out, const struct sheet *s)
{
    headings(out, s);
    for (size_t r = 0; r < sheet_rows(s); r++) {
        html_row_begin(out);
        for (size_t i = 0; i < sheet_columns(s); i++)
            if (sheet_column_shown(s, i) != NULL)
                cell(out, s, r, sheet_column_shown(s, i));
        html_row_end(out);
    }
    html_table_end(out);
}
