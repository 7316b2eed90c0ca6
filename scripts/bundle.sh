#!/usr/bin/env bash
# scripts/bundle.sh PROGRAM FOLDER - a relocatable archive of ringbench with its Open MPI: FOLDER/ringbench-VERSION-MACHINE.tar.xz.
#
# Holds the program, its data, mpirun with the plugins that one machine needs (no network but TCP), and every library of theirs
# except glibc. The libraries find each other by $ORIGIN, Open MPI and PMIx by variables that bundle/run sets. The machine
# that it is for needs the glibc of this one or a newer one. Wants patchelf and xz; prints the name of the archive.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
program=${1:?usage: scripts/bundle.sh PROGRAM FOLDER}
folder=${2:?usage: scripts/bundle.sh PROGRAM FOLDER}

say() { echo "ringbench bundle: $*" >&2; }

for tool in patchelf xz ompi_info ldd; do
    command -v $tool >/dev/null || { say "no $tool here (\"scripts/setup.sh bundle\" installs it)"; exit 6; }
done

version=$("$program" --version | awk '{ print $2; exit }')
name=ringbench-$version-$(uname -m)
root=$folder/$name
rm -rf "$root"
mkdir -p "$root"/bin "$root"/lib/openmpi "$root"/lib/pmix "$root"/lib/rdma "$root"/share/ringbench "$root"/share/openmpi "$root"/etc

ompi() { ompi_info --parsable --path all | sed -n "s/^path:$1://p" | head -n 1; }

# Of glibc itself: it belongs to the machine.
glibc='^(ld-linux.*|libc|libm|libdl|librt|libpthread|libresolv|libutil|libanl|linux-vdso)\.so'

libraries() { # FILE: "soname path" of all that it needs but glibc
    ldd "$1" | awk '$3 ~ /^\// { print $1, $3 }' | grep -vE "$glibc" || true
}

take() { # FILE FOLDER: a copy under its soname's place, with what it needs in lib/
    local soname path
    cp -L "$1" "$2/"
    while read -r soname path; do
        [ -z "$soname" ] || [ -e "$root/lib/$soname" ] || [ -e "$root/lib/rdma/$soname" ] || cp -L "$path" "$root/lib/$soname"
    done < <(libraries "$1")
}

take_plugins() { # FROM TO: those that need nothing exotic (fabrics and batch systems have libraries of their own)
    local plugin
    for plugin in "$1"/*.so; do
        if ! libraries "$plugin" | grep -qE '^lib(fabric|psm|ucp|ucs|ibverbs|oshmem|munge|infinipath|lustre|nl-)' ||
            [[ $(basename "$plugin") == *pmix* ]]; then
            take "$plugin" "$2"
        fi
    done
}

take_rdma() { # libibverbs and its providers: only used where the machine has none of its own
    local library provider
    library=$(ldconfig -p 2>/dev/null | awk '$1 == "libibverbs.so.1" { print $NF; exit }')
    [ -n "$library" ] || return 0
    cp -L "$library" "$root/lib/rdma/libibverbs.so.1"
    while read -r soname path; do
        cp -L "$path" "$root/lib/rdma/$soname"
    done < <(libraries "$library")
    for provider in "$(dirname "$library")"/libibverbs/lib*-rdmav*.so; do
        [ ! -e "$provider" ] || cp -L "$provider" "$root/lib/rdma/"
    done
}

take_rdma
cp -R "$here/report/data/." "$root/share/ringbench/"
cp "$here/LICENSE" "$root/"
install "$here/scripts/bundle_run.sh" "$root/run"
take "$program" "$root/bin"
take "$(readlink -f "$(command -v mpirun)")" "$root/bin"
mv "$root/bin/$(basename "$(readlink -f "$(command -v mpirun)")")" "$root/bin/mpirun"
take "$(command -v orted)" "$root/bin"
take_plugins "$(ompi pkglibdir)" "$root/lib/openmpi"
cp "$(ompi pkgdatadir)"/*.txt "$root/share/openmpi/"
echo "# Nothing: scripts/../run sets what is needed." >"$root/etc/openmpi-mca-params.conf"
pmix=$(libraries "$root/lib/openmpi/mca_pmix_ext3x.so" 2>/dev/null | awk '$1 ~ /^libpmix/ { print $2 }')
if [ -n "$pmix" ]; then
    pmix=$(dirname "$(readlink -f "$pmix")")
    take_plugins "$pmix/pmix" "$root/lib/pmix"
    mkdir "$root/share/pmix"
    cp "$pmix"/../share/pmix/*.txt "$root/share/pmix/" 2>/dev/null || true
fi

patchelf --force-rpath --set-rpath '$ORIGIN/../lib' "$root"/bin/*
patchelf --force-rpath --set-rpath '$ORIGIN' "$root"/lib/*.so*
patchelf --force-rpath --set-rpath '$ORIGIN/..' "$root"/lib/openmpi/*.so "$root"/lib/pmix/*.so
patchelf --force-rpath --set-rpath '$ORIGIN' "$root"/lib/rdma/*.so*
strip --strip-unneeded "$root"/lib/*.so* "$root"/lib/*/*.so*
tar -C "$folder" --owner=0 --group=0 --sort=name -cJf "$root.tar.xz" "$name"
say "$(du -h "$root.tar.xz" | cut -f1) in $root.tar.xz; needs glibc $(ldd --version | sed -n '1s/.* //p') or newer"
echo "$root.tar.xz"
