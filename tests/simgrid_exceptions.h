/* Cluster, algorithm, bytes, lowest and highest ratio SimGrid / ours: messages of different latency on one link (all but the last),
 * short messages on a latency-bound ring (the last). Included by scale_simgrid.c. */
    { "2048x4090", "tree_all_reduce", 1048576, 0.910, 0.928 },
    { "2048x4090", "tree_all_reduce", 268435456, 0.900, 0.918 },
    { "pod-H100", "direct_two_shot_all_reduce", 1048576, 0.931, 0.949 },
    { "pod-H100", "direct_alltoall", 1048576, 0.931, 0.949 },
    { "pod-H800", "direct_two_shot_all_reduce", 1048576, 0.931, 0.949 },
    { "pod-H800", "direct_alltoall", 1048576, 0.931, 0.949 },
    { "pod-H800", "two_level_all_reduce", 1048576, 1.045, 1.066 },
