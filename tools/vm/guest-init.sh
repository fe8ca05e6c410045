#!/bin/busybox sh
# The guest's first program: puts a tmpfs over the host's file system and hands over to guest-session.sh in there.
# A failing step ends this script, which panics the kernel, which ends the guest with this trace on its console.
set -e
# busybox's shell finds the other commands by way of /proc.
/bin/busybox mount -t proc proc /proc
mount -t devtmpfs dev /dev
mount -t sysfs sysfs /sys
for module in /modules/*; do
  insmod "$module"
done

mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /lower
mount -t tmpfs -o mode=755,size=75% upper /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /host

mount -t tmpfs -o mode=755 run /host/run
mkdir /host/run/vm /host/run/lock
cp /bin/busybox /session /host/run/vm/
# Lets a command run in a folder below the host's /tmp, which a tmpfs hides.
mkdir /host/run/vm/tmp
mount --bind /host/tmp /host/run/vm/tmp
mount -t tmpfs -o mode=1777 tmp /host/tmp

mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# As on any system with systemd. perf_event, which is in no list of controllers, begins to work below the root with the first
# controller that is handed down.
echo +memory +pids >/sys/fs/cgroup/cgroup.subtree_control
ip link set lo up
ulimit -H -n 1048576
for folder in dev sys proc; do
  mount --move "/$folder" "/host/$folder"
done
exec /bin/busybox switch_root /host /run/vm/busybox sh /run/vm/session
