/* topo/topo_command.h - `ringbench topo`: the machine, or a recorded one, as table, JSON or Graphviz dot. */
#ifndef RB_TOPO_TOPO_COMMAND_H
#define RB_TOPO_TOPO_COMMAND_H

/* argv[0] is the command's name. RB_OK or RB_E*; rb_exit_code() makes the exit code of it. */
int topo_command(int argc, char **argv);

#endif
