#!/usr/bin/env bash
# Between two guests: mpirun's remote shell without a daemon. HOST COMMAND...; the other guest listens (tests/vm/two.sh).
host=$1
shift
echo "cd $PWD; export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; $*" | busybox nc "$host" 4444
