/* Cluster, algorithm, bytes, lowest and highest ratio SimGrid / ours. Included by scale_simgrid.c. */
    /* Messages of different latency on one link share it by round-trip time there, fairly here. */
    { "2048x4090", "tree_all_reduce", 1048576, 0.910, 0.928 },
    { "2048x4090", "tree_all_reduce", 268435456, 0.900, 0.918 },
    { "pod-H100", "direct_two_shot_all_reduce", 1048576, 0.931, 0.949 },
    { "pod-H100", "direct_alltoall", 1048576, 0.931, 0.949 },
    { "pod-H800", "direct_two_shot_all_reduce", 1048576, 0.931, 0.949 },
    { "pod-H800", "direct_alltoall", 1048576, 0.931, 0.949 },
    /* Short messages on a ring that latency bounds. */
    { "pod-H800", "two_level_all_reduce", 1048576, 1.045, 1.066 },
    /* The latency of a message begins there when its receiver has ended the pass over the node's memory that it was busy with, here while
     * it is busy: without latencies the two agree within 0.1 % (scale_star.c). */
    { "tests/clusters/bus.cluster", "ring_all_reduce", 1048576, 1.068, 1.089 },
    { "tests/clusters/bus.cluster", "two_level_all_reduce", 1048576, 1.071, 1.093 },
