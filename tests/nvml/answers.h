/* tests/nvml/answers.h - what a recorded GPU driver answers: keys and values of a text file.
 *
 * A line is "KEY = VALUE"; # begins a comment. A key is words; a number in it may be a list of ranges, "0-3,7", or *. The last line
 * that fits an asked key answers it, so the rule comes first and its exceptions after. The value !N is the error N; what no line
 * answers is NVML_NOT_SUPPORTED (3).
 *
 * Every function returns the library's code, and sets its answer only with NVML_OK. */
#ifndef RB_TESTS_NVML_ANSWERS_H
#define RB_TESTS_NVML_ANSWERS_H

enum { ANSWER_CHARS = 256 };

/* Reads the file that RINGBENCH_NVML_RECORD names, anew each time. Its key "init" may be an error. */
int answers_open(void);
void answers_close(void);

int answer_text(const char *key, char *text, unsigned length);
int answer_number(const char *key, double *number_p);
int answer_unsigned(const char *key, unsigned *v_p);

#endif
