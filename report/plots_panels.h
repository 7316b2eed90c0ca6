/* report/plots_panels.h - the curves that belong into one picture. Private to plot_*.c.
 *
 * Left out of pictures: the null transport (it moves nothing), in-place curves where the same is there out of place, and what
 * is beyond PANEL_CURVES curves or PANELS panels (`dropped` says how many; results.csv has them all).
 *
 * Ownership panels_free(); curves borrow the records. */
#ifndef RB_REPORT_PLOTS_PANELS_H
#define RB_REPORT_PLOTS_PANELS_H

#include "report/curves.h"
#include "report/plots.h"

enum { PANELS = 8, PANEL_CURVES = 9 };

struct panel {
    const struct curve *curves[PANEL_CURVES]; /* ours first, baselines last */
    int variants[PANEL_CURVES];               /* how many of the same family and baseline stand before it */
    size_t ncurves;
    size_t dropped;
    bool several_transports;
    double low, high; /* sizes in bytes */
};

struct panels {
    struct curves curves;
    struct panel list[PANELS];
    size_t count;
    size_t dropped;
};

void panels_make(struct panels *p, const struct records *r);
void panels_free(struct panels *p);

/* "bandwidth-all_reduce-2", unique among the figures. The caller frees. */
char *panel_file(const struct figures *figures, const char *plot, const struct record_case *c);
/* Style of curve i of the panel, as text for a plot element. */
const char *panel_style(char buffer[FIGURE_STYLE], const struct panel *p, size_t i);
/* A data block with a row a point; value() returns NAN for a gap. Returns the block's number, -1 when there is no value. */
int panel_block(struct figure *f, const struct curve *c, double (*value)(const struct record_case *));
/* Least and largest finite value over the panel; false when there is none. */
bool panel_range(const struct panel *p, double (*value)(const struct record_case *), double *low_p, double *high_p);
/* Draws every panel that has values; false when none has any. */
bool panels_draw(struct figures *figures, const struct plot *plot, const struct records *r, double (*value)(const struct record_case *),
                 void (*draw)(struct figures *figures, const struct plot *plot, const struct panels *all, const struct panel *p));
/* The end of a caption: where the numbers come from and what is not shown. */
void panel_inputs(struct text *caption, const struct panels *all, const struct panel *p);

#endif
