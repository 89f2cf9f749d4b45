#!/bin/sh
# Installs what the tests need: as root on Debian by apt-get, else it lists what
# is missing. Tests whose parts are missing are skipped, or fail with
# DAYTWO_REQUIRE=1. Never fails itself.
set -u
PATH=$PATH:/usr/sbin:/sbin

missing=
need() { # need PROGRAM PACKAGE...
	program=$1
	shift
	command -v "$program" >/dev/null 2>&1 || missing="$missing $*"
}
need cc gcc libc6-dev
need git git
need busybox busybox-static
need mkfs.ext4 e2fsprogs
need qemu-system-x86_64 qemu-system-x86
need runc runc
need podman podman
need conmon conmon
need containerd containerd
need dockerd docker.io
need clang clang
need llvm-strip llvm
[ -e /usr/include/bpf/bpf_helpers.h ] || missing="$missing libbpf-dev"
need ip iproute2
need unshare util-linux
need tmux tmux
need ssh openssh-client
need dropbear dropbear-bin
need python3 python3 python3-venv
need journalctl systemd
need redis-server redis-server
need rsyslogd rsyslog rsyslog-openssl
need mvn maven
need javac default-jdk-headless
need /lib/systemd/systemd-journal-remote systemd-journal-remote
command -v chromium >/dev/null 2>&1 || need chromium-headless-shell chromium-headless-shell
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"

if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$missing"
	apt-get update -qq &&
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
# The kernels of the matrix come from the archive, so its index must be there.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 &&
	[ -z "$(apt-cache search --names-only '^linux-image-6.*-cloud-amd64$' 2>/dev/null)" ]; then
	apt-get update -qq
fi
if [ -n "$missing" ]; then
	echo "missing, and the tests that need it are skipped:$missing"
	echo "install: sudo apt-get install --no-install-recommends$missing"
fi
exit 0
