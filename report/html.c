#include "report/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_text(struct text *out, const char *s)
{
    for (; *s != '\0'; s++)
        if (entity(*s) != NULL)
            text_add(out, "%s", entity(*s));
        else if ((unsigned char)*s >= ' ' || *s == '\n' || *s == '\t')
            text_add_bytes(out, s, 1);
}

static void add_formatted(struct text *out, const char *format, va_list args)
{
    char *s = NULL;
    if (vasprintf(&s, format, args) < 0)
        return;
    html_text(out, s);
    free(s);
}

void html_paragraph(struct text *out, const char *format, ...)
{
    text_add(out, "<p>");
    va_list args;
    va_start(args, format);
    add_formatted(out, format, args);
    va_end(args);
    text_add(out, "</p>\n");
}

void html_table_begin(struct text *out, const char *headings)
{
    text_add(out, "<div class=\"box\"><table><thead><tr>");
    for (const char *at = headings; *at != '\0';) {
        const size_t n = strcspn(at, "|"), mark = *at == '>';
        char *word = rb_strdup(at + mark);
        word[n - mark] = '\0';
        text_add(out, mark ? "<th class=\"n\">" : "<th>");
        html_text(out, word);
        text_add(out, "</th>");
        free(word);
        at += n + (at[n] == '|');
    }
    text_add(out, "</tr></thead><tbody>\n");
}

void html_table_end(struct text *out)
{
    text_add(out, "</tbody></table></div>\n");
}

void html_row_begin(struct text *out)
{
    text_add(out, "<tr>");
}

void html_row_end(struct text *out)
{
    text_add(out, "</tr>\n");
}

void html_cell(struct text *out, const char *s)
{
    text_add(out, "<td>");
    html_text(out, s);
    text_add(out, "</td>");
}

void html_cell_format(struct text *out, const char *format, ...)
{
    text_add(out, "<td>");
    va_list args;
    va_start(args, format);
    add_formatted(out, format, args);
    va_end(args);
    text_add(out, "</td>");
}

const char *html_number(char buffer[HTML_NUMBER], double v, int digits)
{
    if (!isfinite(v)) {
        snprintf(buffer, HTML_NUMBER, "\u2013");
        return buffer;
    }
    snprintf(buffer, HTML_NUMBER, "%.*e", digits - 1, v);
    const int whole = 1 + atoi(strchr(buffer, 'e') + 1); /* of the rounded number: 9.999 has two */
    if (v == 0 || (whole > -5 && whole <= 9))
        snprintf(buffer, HTML_NUMBER, "%.*f", whole >= digits ? 0 : digits - whole, v);
    return buffer;
}

void html_cell_number(struct text *out, double v, int digits)
{
    char number[HTML_NUMBER];
    text_add(out, "<td class=\"n\">%s</td>", html_number(number, v, digits));
}

void html_cell_count(struct text *out, double v)
{
    if (isfinite(v))
        text_add(out, "<td class=\"n\">%.0f</td>", v);
    else
        text_add(out, "<td class=\"n\">\u2013</td>");
}

void html_cell_interval(struct text *out, double low, double high, int digits)
{
    char a[HTML_NUMBER], b[HTML_NUMBER];
    if (isfinite(low) && isfinite(high))
        text_add(out, "<td class=\"n\">%s \u2026 %s</td>", html_number(a, low, digits), html_number(b, high, digits));
    else
        text_add(out, "<td class=\"n\">\u2013</td>");
}

void html_base64(struct text *out, const char *bytes, size_t length)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes;
    for (size_t i = 0; i < length; i += 3) {
        const size_t left = length - i;
        const unsigned v = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0u);
        const char four[] = { letters[v >> 18], letters[v >> 12 & 63], left > 1 ? letters[v >> 6 & 63] : '=', left > 2 ? letters[v & 63] : '=' };
        text_add_bytes(out, four, sizeof four);
    }
}
