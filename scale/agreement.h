/* scale/agreement.h - published logs of one node against what is predicted from the catalogue alone.
 *
 * Taken: every published figure of a collective on GPUs of one node, at the largest size of its log, at least
 * 32 MiB; one figure for each log, collective and number of ranks (the best type; out of place where the log has that).
 * Predicted: bytes / (fraction of the link's class x nominal rate) + NCCL's latencies of links.csv. The fraction is the median over
 * all other logs of the class: a log never predicts itself. Without another log of its class: that of the other generations of
 * scale-up links, or of its PCIe whatever the path. Two GPUs alone reach less of a scale-up link than more of them do: times "pair",
 * the median of that over all other logs that go the same way.
 * Classes of their own: reduction inside the switch ("nvls": an all-reduce faster than the links of a ring are planned with), sends
 * and receives of pairs ("p2p"), no peer access ("PCIe host"), and the paths of data/agreement.csv, which also says why a log is
 * far from the others. */
#ifndef RB_SCALE_AGREEMENT_H
#define RB_SCALE_AGREEMENT_H

#include "report/catalogue.h"
#include "scale/links.h"

enum { AGREEMENT_CLASS = 24, AGREEMENT_CAUSE = 320 };

struct agreement_row {
    char log[96], gpu[48], class[AGREEMENT_CLASS], collective[24];
    char cause[AGREEMENT_CAUSE]; /* what is known of why it differs from others; "" nothing */
    int ranks;
    bool in_place;
    double bytes;
    double nominal_GBps;  /* all links of a GPU, one direction */
    double measured_GBps; /* busbw */
    double fraction;      /* measured / nominal, latencies taken out */
    double used;          /* the fraction that predicts it */
    int points, logs;     /* that `used` rests on; 0: a planning constant */
    double predicted_GBps, error; /* relative, of predicted */
};

struct agreement {
    struct agreement_row *rows;
    size_t count;
};

int agreement_make(struct agreement *a, const struct catalogue *c, const struct links *links);
void agreement_free(struct agreement *a);
/* Median of |error| over the rows of a GPU and class; NULL: any. NAN without rows. */
double agreement_median(const struct agreement *a, const char *gpu, const char *class);
/* Median, lowest and highest fraction of a class (or of "pair"), how many figures and logs; false without any. */
bool agreement_class(const struct agreement *a, const char *class, struct link_class *class_p);

/* `ringbench simulate --agreement`. */
int agreement_print(const struct catalogue *c, const struct links *links, const char *format);

#endif
