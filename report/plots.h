/* report/plots.h - the plots as a table: one plot is one file plot_x.c and one row in plots.c.
 *
 * A plot adds figures; each becomes plots/NAME.gp (the script with its data, so that anybody can redraw it), NAME.svg,
 * NAME-narrow.svg (for a phone) and NAME.png. gnuplot draws them all in one process; without gnuplot the scripts are there.
 *
 * Ownership figures_free() frees what the list holds. */
#ifndef RB_REPORT_PLOTS_H
#define RB_REPORT_PLOTS_H

#include "core/text.h"
#include "report/page.h"

struct plot;

/* One picture. text members are filled by plot_x.c through figure_*(). */
struct figure {
    const struct plot *plot; /* its row */
    char *name;       /* file name without folder and ending */
    char *title;
    struct text caption;  /* plain text: what is seen, and from which inputs */
    struct text data;     /* gnuplot data blocks $b0, $b1, ... */
    struct text settings; /* gnuplot commands before the plot */
    struct text narrow;   /* gnuplot commands that change them for the narrow picture */
    struct text drawing;  /* what follows `plot`, elements joined by commas */
    int nblocks;
    int height;   /* of the wide picture in pixels; 0: the usual one */
    bool drawn; /* the files are there */
};

/* A plot without any figure. */
struct figure_gap {
    const struct plot *plot;
    const char *why;
};

struct figures {
    struct figure *list;
    size_t count;
    struct figure_gap *gaps;
    size_t ngaps;
    char *missing; /* why no picture was drawn although there are figures; NULL: they were */
};

struct plot {
    const char *name;
    const char *title;
    const char *section; /* id of the page section that shows it */
    /* Adds any number of figures. NULL, or a static text: why there is none. */
    const char *(*draw)(struct figures *figures, const struct plot *plot, const struct page_input *in);
};

/* Every plot of the table. RB_EUSAGE when the folder cannot be written; no gnuplot is only warned of. */
int plots_make(struct figures *figures, const struct page_input *in);
void figures_free(struct figures *figures);

/* --- for plot_x.c --- */

/* name and title are formatted by the caller with rb_format() and become the figure's. The pointer is good until the next call. */
struct figure *figure_add(struct figures *figures, const struct plot *plot, char *name, char *title);
/* A new data block; rows are added to figure->data with text_add(), one a line. Returns its number: $b0, $b1, ... */
int figure_block(struct figure *f);
void figure_block_end(struct figure *f);
/* One element of the plot command: "$b0 using 1:2 with lines ...". A title follows from figure_title(). */
void figure_draw(struct figure *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds " title '...'" to the last element; NULL: " notitle". */
void figure_title(struct figure *f, const char *title);
void figure_set(struct figure *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A text as a gnuplot string, quotes included. */
void figure_quote(struct text *t, const char *s);
/* Logarithmic axis (base 2) of bytes from low to high, with B, KiB, MiB ticks that are fewer in the narrow picture. */
void figure_size_axis(struct figure *f, const char *label, double low, double high);
/* Logarithmic axis (base 10) 'x' or 'y', whole decades or 1-2-5 ticks by the range. */
void figure_log_axis(struct figure *f, char axis, const char *label, double low, double high);

/* Colours that are the same in every plot. */
struct figure_style {
    const char *colour; /* "#0072B2" */
    int point;          /* gnuplot's point type */
    int dash;           /* gnuplot's dash type */
};
/* By algorithm family or baseline; variant: 0, 1, ... for further curves of the same family in one picture. */
struct figure_style figure_style(const struct record_case *curve, int variant);
/* "lc rgb '#0072B2' lw 2 dt 1 pt 7 ps 0.6"; the buffer is returned. */
enum { FIGURE_STYLE = 96 };
const char *figure_style_text(char buffer[FIGURE_STYLE], struct figure_style s);
/* The i-th colour of the palette, for things that are no algorithm. */
const char *figure_colour(size_t i);

#endif
