/* What was not measured and why, and other remarks of the run. */
#include "report/html.h"
#include "report/page_sections.h"

#include <string.h>

const char *section_notes(struct text *out, const struct page_input *in)
{
    size_t i, shown = 0;
    json_t *note;
    text_add(out, "<ul>\n");
    json_array_foreach(in->records->notes, i, note)
    {
        const char *about = json_string_value(json_object_get(note, "about"));
        if (about != NULL && strcmp(about, "machine") == 0)
            continue; /* stands with the answer */
        text_add(out, "<li>");
        html_text(out, json_string_value(json_object_get(note, "text")));
        text_add(out, "</li>\n");
        shown++;
    }
    text_add(out, "</ul>\n");
    return shown > 0 ? NULL : "the run noted nothing that it left out";
}
