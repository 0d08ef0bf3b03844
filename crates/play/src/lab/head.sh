#!/usr/bin/env bash
# A packetwalk session on a real Linux kernel: builds the cluster from network namespaces, plays the
# session, prints what the clients got and the tables, and leaves nothing behind.
#
#   bash lab.sh           builds, plays, prints, takes down
#   bash lab.sh shell     builds, and opens a shell: ip netns exec NAME COMMAND
#   bash lab.sh with C…   builds, and runs a command that may run python3 $LAB_AGENT $LAB_PLAN
#
# Needs root, bash, python3, util-linux, iproute2, iptables, conntrack. Everything happens inside a
# mount and process namespace of its own: when this ends, in whatever way, the kernel removes it.
# No namespace has a way out.
set -euo pipefail

if [ "${1:-}" != inside ]; then
  case "${1:-play}" in
    play | shell | with) ;;
    *) echo "lab: $1 is not understood; write nothing, shell, or with and a command" >&2; exit 2 ;;
  esac
  [ "$(id -u)" = 0 ] || { echo "lab: this needs root" >&2; exit 1; }
  for tool in python3 unshare nsenter ip tc bridge sysctl iptables conntrack; do
    command -v "$tool" >/dev/null && continue
    echo "lab: $tool is missing (Debian: python3 util-linux iproute2 procps iptables conntrack)" >&2
    exit 1
  done
  exec unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc \
    bash "$0" inside "$@"
fi
[ "$$" = 1 ] || { echo "lab: inside is for the script itself; run it without" >&2; exit 1; }
shift

# Only what is in here sees this /run.
mount -t tmpfs tmpfs /run
mkdir /run/netns
if [ ! -e /proc/sys/net/bridge ]; then
  echo "lab: loading the kernel module br_netfilter, which stays loaded" >&2
  modprobe br_netfilter || { echo "lab: bridges need the module br_netfilter" >&2; exit 1; }
fi
IPTABLES=iptables; command -v iptables-legacy >/dev/null && IPTABLES=iptables-legacy

netns() { nsenter --net="/run/netns/$1" "${@:2}"; }
batch() { "$1" -n "$2" -batch -; }
netem() {
  tc -n "$1" -batch - && return
  echo "lab: bad cables need the kernel module sch_netem" >&2
  exit 1
}
rules() { netns "$1" "$IPTABLES-restore"; }
# A device detects its carrier a moment after it is up, and that would flush its neighbours.
settle() {
  local n i
  for n in "${NETNS[@]}"; do
    for i in {1..100}; do
      ip -n "$n" -o link show up | grep -v 'state U' | grep -q LOWER_UP || break
      sleep 0.02
    done
  done
}
sysctls() { netns "$1" sysctl -qw "${@:2}"; }

