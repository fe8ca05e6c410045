# Runs the one command the host asks for, as a child of the guest's first process, and reports how it went.
#
# Ports, in the order of qemu.mjs: 1 control, 2 standard output, 3 standard error, 4 kernel log. On the control port the
# host sends the length of a script in bytes, a line end and the script; back comes one line:
#   exit STATUS STDOUT STDERR LOG TAINTED
# STDOUT, STDERR and LOG are how many bytes were sent on the other ports. A port takes bytes before they have left the
# guest, so the guest stays until the host, having got all of them, ends it.
for number in 1 2 3 4; do
  until [ -c /dev/vport*p$number ]; do usleep 10000; done
done
port=$(echo /dev/vport*p1)
port=${port%1}
cd /run/vm
exec 3<>"${port}1"
read -r length <&3
head -c "$length" <&3 >command

mkfifo stdout stderr
# The host's dd: busybox's does not say how many bytes it copied.
relay() {
  exec /usr/bin/dd bs=32k if="$1" of="$port$2" 2>"$1.sent" 3<&-
}
sent() {
  sed -n 's/ bytes* .*//p' "$1.sent"
}
relay stdout 2 &
stdout_relay=$!
relay stderr 3 &
stderr_relay=$!
setsid sh command </dev/null >stdout 2>stderr 3<&- &
wait $!
status=$?

# What the command has left running would hold the pipes open for ever.
while [ -d "/proc/$stdout_relay" ] || [ -d "/proc/$stderr_relay" ]; do
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    case $process in
      1 | "$stdout_relay" | "$stderr_relay") ;;
      *) kill -9 "$process" 2>/dev/null ;;
    esac
  done
  usleep 1000
done
wait

dmesg -r >log
(relay log 4)
echo "exit $status $(sent stdout) $(sent stderr) $(sent log) $(cat /proc/sys/kernel/tainted)" >&3
read -r _ <&3
poweroff -f
