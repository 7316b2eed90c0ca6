/* scale/simulate_command.h - `ringbench simulate`: what a collective takes on a cluster, from its schedule. */
#ifndef RB_SCALE_SIMULATE_COMMAND_H
#define RB_SCALE_SIMULATE_COMMAND_H

/* argv[0] is the command's name. RB_OK or RB_E*; rb_exit_code() makes the exit code of it. */
int simulate_command(int argc, char **argv);

#endif
