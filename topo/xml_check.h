/* topo/xml_check.h - where an XML text is damaged: hwloc says only that it is.
 *
 * It checks that tags are balanced and quoted, not what they mean. */
#ifndef RB_TOPO_XML_CHECK_H
#define RB_TOPO_XML_CHECK_H

#include <stddef.h>

/* 0 when whole; else the line, from 1, and a static or in-place text of what is wrong there in why. */
size_t xml_check(const char *text, size_t length, char *why, size_t why_size);

#endif
