/* scale/plan_command.h - `ringbench plan`: how to split a model's training over a cluster. */
#ifndef RB_SCALE_PLAN_COMMAND_H
#define RB_SCALE_PLAN_COMMAND_H

/* argv[0] is the command's name. RB_OK or RB_E*; rb_exit_code() makes the exit code of it. */
int plan_command(int argc, char **argv);

#endif
