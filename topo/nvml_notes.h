/* topo/nvml_notes.h - what a reader of the GPU driver's answers should be told: links that are down, slots that are narrow,
 * addresses that are hidden, access that is refused. */
#ifndef RB_TOPO_NVML_NOTES_H
#define RB_TOPO_NVML_NOTES_H

#include "topo/nvml.h"
#include "topo/topology.h"

/* One call a note; the text is only good during the call. */
void nvml_notes(const struct topology *t, void (*visit)(void *context, const char *note), void *context);

#endif
