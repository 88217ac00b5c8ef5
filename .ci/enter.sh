#!/bin/sh
# enter.sh ROOT PROJECT LIBRARY BUILD COMMAND...: runs a command in the system that the folder ROOT holds. There,
# /project is the folder PROJECT, /library is LIBRARY, and /build is BUILD, the only one of them that can be written to.
# Needs root.
#
# What is mounted for it is mounted in a namespace of the command's own: nobody else sees it, and it ends with the
# command.
set -eu

if [ "${1-}" != --inside ]; then
    if [ $# -lt 5 ]; then
        echo "usage: enter.sh ROOT PROJECT LIBRARY BUILD COMMAND..." >&2
        exit 2
    fi
    exec unshare --mount --propagation private "$0" --inside "$@"
fi
root=$2 project=$3 library=$4 build=$5
shift 5
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --bind "$project" "$root/project"
mount -o remount,bind,ro "$root/project"
mount --bind "$library" "$root/library"
mount -o remount,bind,ro "$root/library"
mount --bind "$build" "$root/build"
exec chroot "$root" "$@"
