#!/usr/bin/env bash
# "make bundle": the archive runs in a root that holds a shell, glibc and the archive, with the loopback interface as its only network.
. scripts/tap.sh
unset MAKEFLAGS MFLAGS MAKELEVEL

for tool in patchelf xz unshare chroot ip; do
    command -v $tool >/dev/null || { skip "the bundle in an empty root" "no $tool"; finish; }
done
[ -x "$RINGBENCH" ] || { skip "the bundle in an empty root" "$RINGBENCH is not built"; finish; }
if ldd "$RINGBENCH" | grep -q 'lib[at]san'; then
    skip "the bundle in an empty root" "built for a sanitizer"
    finish
fi

exits "the archive is made" 0 scripts/bundle.sh "$RINGBENCH" "$work/bundle"
archive=$(cat "$out")
bundle=$(basename "$archive" .tar.xz)
like "it says which glibc it needs" "$err" 'needs glibc [0-9.]+ or newer'
ok "its name says version and machine" grep -Eq '^ringbench-[0-9.]+-(x86_64|aarch64)$' <<<"$bundle"
is "nothing in it points to where it was made" "$(for file in "$work/bundle/$bundle"/bin/* "$work/bundle/$bundle"/lib/*.so*; do
    readelf -d "$file" | grep -E 'R(UN)?PATH' | grep -vF '[$ORIGIN'
done)" ""

copy_libraries() { # of FILE, with the loader
    local library
    ldd "$1" | grep -oE '/[^ ]+' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
}

# A shell, what it needs, and the rest of glibc.
root=$work/root
mkdir -p "$root"/{bin,tmp,proc,dev,sys,opt,etc}
cp -L "$(type -P bash)" "$root/bin/sh"
copy_libraries "$root/bin/sh"
libc=$(ldd "$root/bin/sh" | awk '$1 == "libc.so.6" { print $3 }')
for library in libm.so.6 libdl.so.2 librt.so.1 libpthread.so.0 libresolv.so.2 libutil.so.1; do
    [ ! -e "$(dirname "$libc")/$library" ] || cp -L "$(dirname "$libc")/$library" "$root$(dirname "$libc")/"
done
tar -C "$root/opt" -xJf "$archive"

cat >"$work/inside" <<'INSIDE'
root=$1 name=$2
shift 2
ip link set lo up && mount -t proc proc "$root/proc" && mount --rbind /sys "$root/sys" && mount -t tmpfs none "$root/dev" && mkdir "$root/dev/shm" &&
    mount -t tmpfs none "$root/dev/shm" || exit 77
for device in null zero urandom; do
    touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device" || exit 77
done
exec chroot "$root" /bin/sh -c 'cd /tmp && exec "$@"' sh "/opt/$name/run" "$@"
INSIDE
empty() { # arguments of run
    PATH=$PATH:/usr/sbin:/sbin timeout 120 unshare --user --map-root-user --mount --pid --fork --net bash "$work/inside" "$root" "$bundle" "$@"
}

empty --version >"$out" 2>"$err"
if [ $? -eq 77 ] || grep -q '^unshare:' "$err"; then
    skip "the bundle in an empty root" "no namespaces of one's own here: $(head -n 1 "$err")"
    finish
fi
exits "says its version" 0 empty -n 1 --version
like "as the archive is named" "$out" "ringbench $(cut -d- -f2 <<<"$bundle")"
exits "two ranks measure" 0 empty -n 2 --collective all_reduce --algorithm ring --transport shm -b 1K -e 1K -n 5 --budget 1s --no-report
like "and what they measured is right" "$out" '^# Out of bounds values : 0 OK'
like "MPI is there to compare with" "$out" '^#.* MPI'
exits "without gnuplot there is a report, and a word about it" 0 empty -n 2 --collective all_reduce --algorithm ring --transport shm --baseline none \
    -b 1K -e 1K -n 5 --output /tmp/out
ok "the page is there" test -s "$root/tmp/out/report.html"
like "the word" "$err" 'gnuplot'
exits "its data are found" 0 empty -n 1 limits --list
exits "RDMA: its own library says that there is no card" 6 empty -n 2 --collective all_reduce --transport verbs -b 1K -e 1K --no-report
like "in one line" "$err" 'verbs: refused: there is no RDMA device'
exits "a wrong number of ranks is refused" 6 empty -n many
finish
