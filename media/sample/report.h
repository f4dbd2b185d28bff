#ifndef SAMPLE_REPORT_H
#define SAMPLE_REPORT_H
#include "print.h"

/* What there is to say about the domain: on the console, or in the page that it serves. */
void report(printer *print);

#endif
