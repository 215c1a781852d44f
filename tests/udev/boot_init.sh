#!/bin/bash
# boot_init.sh FOLDER ROOT BUILD TTY: becomes the systemd of a system of its own, as the first process of new mount,
# process, network, IPC, host name and control group namespaces. Its root is this machine's, copied on write into a
# tmpfs; what it has of its own is all gone with it. 77: it cannot be had here.
set -e

dir=$1 root=$2 build=$3 tty=$4

# this machine's processes have an old /proc, so this is the process as they see it
read -r pid _ </proc/self/stat

cd "$dir"
mkdir -p disk new
mount -t tmpfs tmpfs disk
mkdir disk/changed disk/work
mount -t overlay overlay -o "lowerdir=/,upperdir=disk/changed,workdir=disk/work" new 2>/dev/null || exit 77
cd new
[[ -x lib/systemd/systemd ]] || exit 77

mount -t proc proc proc
# the kernel's settings are this machine's, too, but for the network's
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup 2>/dev/null || exit 77
for at in dev run; do
	mount -t tmpfs -o mode=755 tmpfs $at
done
mount -t tmpfs -o mode=1777 tmpfs tmp

mkdir dev/pts dev/shm dev/net
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
while read -r name major minor; do
	mknod -m 666 "dev/$name" c "$major" "$minor"
done <<-NODES
	null 1 3
	zero 1 5
	full 1 7
	random 1 8
	urandom 1 9
	tty 5 0
	net/tun 10 200
NODES
touch dev/tty8
mount --bind "$tty" dev/tty8

# nothing of what this machine does, and nothing that somebody has set up on it
rm -rf etc/systemd/system etc/tokenroll etc/easy-rsa etc/openvpn var/lib/tokenroll var/log/journal etc/crypttab
mkdir -p etc/systemd/system/sockets.target.wants var/log/journal
: >etc/fstab
# the devices are this machine's, and are not to be told of again
ln -s /dev/null etc/systemd/system/systemd-udev-trigger.service
ln -s /lib/systemd/system/pcscd.socket etc/systemd/system/sockets.target.wants/
echo 0123456789abcdef0123456789abcdef >etc/machine-id
mkdir -p opt/project opt/build run/old
mount --bind "$root" opt/project
mount --bind "$build" opt/build
make -C "$root" --no-print-directory -s -o all BUILD="$(realpath --relative-to="$root" "$build")" DESTDIR="$PWD" install
# without it, and with a /dev that is the kernel's own to no one, systemd does not listen to udev at all
mkdir run/udev
touch run/udev/control
hostname booted
ip link set lo up

echo "$pid" >"$dir/pid"
pivot_root . run/old
cd /
umount -l run/old
# as a system does that is no container; what systemd mounts for a service in one namespace has to reach the others
mount --make-rshared /
exec env -i container=tokenroll-test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --unit=basic.target --show-status=0
