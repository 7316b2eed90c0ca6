/* core/place.h - where what fails stands, for callees that do not know it: a line of a file that names a GPU of the catalogue.
 *
 * Between rb_place("my.cluster:4") and rb_place(NULL) every line of rb_fail() (core/error.h) starts with "my.cluster:4: ".
 * Borrowed; for the calling thread. */
#ifndef RB_CORE_PLACE_H
#define RB_CORE_PLACE_H

void rb_place(const char *where);

#endif
