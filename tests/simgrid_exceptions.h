/* Cluster, algorithm, bytes, lowest and highest ratio smpirun / ours. Included by scale_simgrid.c. */
    /* Messages of different latency on one link share it by round-trip time there, fairly here: with all latencies 0 the tree is the same
     * within 0.0001 %. */
    { "2048x4090", "tree_all_reduce", 1048576, 1.075, 1.095 },
    { "2048x4090", "tree_all_reduce", 268435456, 1.122, 1.142 },
    { "pod-H100", "direct_two_shot_all_reduce", 1048576, 0.931, 0.949 },
    { "pod-H100", "direct_alltoall", 1048576, 0.931, 0.949 },
    { "pod-H800", "direct_two_shot_all_reduce", 1048576, 0.931, 0.949 },
    { "pod-H800", "direct_alltoall", 1048576, 0.931, 0.949 },
    /* Messages of a connection share the route there, so that the first arrives later; here they follow each other. */
    { "pod-H800", "two_level_all_reduce", 1048576, 1.045, 1.065 },
    { "tests/clusters/tree.cluster", "two_level_all_reduce", 268435456, 1.205, 1.225 },
