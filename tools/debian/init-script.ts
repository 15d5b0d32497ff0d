// The shell scripts of the initramfs. They are read by busybox, inside the guest.

/** What the first process prints when the system is up, followed by the kernel's version. */
export const banner = 'microvisor guest: Linux';

/** The prompt of the shell in root's home. */
export const prompt = 'microvisor:~# ';

/** /init, the first process. */
export const initScript = `#!/bin/sh
# The first process: mounts what every program expects, loads the drivers of the devices that are there, and keeps a
# shell on the console that the kernel was told of.
export PATH=/bin HOME=/root TERM=\${TERM:-linux}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
hostname microvisor
ip link set lo up

modprobe -q virtio_mmio
for device in /sys/bus/virtio/devices/*; do
  [ -e "$device/modalias" ] || continue
  modprobe -q "$(cat "$device/modalias")"
  case $(cat "$device/device") in 0x0003) console_device=yes ;; esac
done
if [ -n "$console_device" ]; then
  # Ports announce themselves after their driver is there.
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    name-ports
    [ -n "$(ls /dev/virtio-ports)" ] && break
    usleep 10000
  done
fi

# The last console= of the command line, if it is a terminal by now; else what the kernel has taken.
for word in $(cat /proc/cmdline); do
  case $word in console=*) word=\${word#console=}; console=\${word%%,*} ;; esac
done
[ -n "$console" ] && [ -c "/dev/$console" ] || console=$(sed 's/.* //' /sys/class/tty/console/active)
[ -n "$console" ] && [ -c "/dev/$console" ] || console=console

cd /root
while :; do
  {
    echo
    echo "${banner} $(uname -r), $(nproc) hart(s), $(($(sed -n 's/MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo) / 1024)) MiB"
  } >"/dev/$console"
  setsid -c sh -l <"/dev/$console" >"/dev/$console" 2>&1
  sleep 1
done
`;

/** /bin/name-ports */
export const namePortsScript = `#!/bin/sh
# Gives each port of a virtio console its name: /dev/virtio-ports/NAME.
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
  [ -e "$port/name" ] || continue
  name=$(cat "$port/name")
  [ -n "$name" ] && ln -sf "../\${port##*/}" "/dev/virtio-ports/$name"
done
`;

/** /etc/profile */
export const profileScript = `export PATH=/bin HOME=/root USER=root
PS1='microvisor:\\w# '
# The first process is a script and knows no signals.
alias poweroff='poweroff -f' reboot='reboot -f' halt='halt -f'
cd
`;
