#ifndef SAMPLE_COMMANDS_H
#define SAMPLE_COMMANDS_H

/* Carries out a line. */
void obey(const char *line);
/* Those of "run=memory,events" on the kernel's command line. */
void run_commands(const char *command_line);
/* What is behind "name=" on the command line, up to the next space; NULL when it is not there. */
const char *argument(const char *command_line, const char *name);
/* Events left something for the main loop to do. */
int work_waits(void);
void request_work(void);

#endif
