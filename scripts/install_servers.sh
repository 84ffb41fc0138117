#!/usr/bin/env bash
# Installs, from Debian's packages, the servers that `npm run test:engines` starts for itself: those that are
# missing. Debian would start some of them at once, which nobody here needs.
set -eu

# Runs as root, else with sudo.
root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

missing=()
need() { # command package
  PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" > /dev/null || missing+=("$2")
}
need redis-server redis-server
need rabbitmq-server rabbitmq-server
need pgbouncer pgbouncer
ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || need postgres postgresql
# Kafka is a program of ours, over the mock cluster of librdkafka.
need gcc gcc
[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
[ -e /usr/include/librdkafka/rdkafka_mock.h ] || missing+=(librdkafka-dev)

if [ ${#missing[@]} -eq 0 ]; then
  echo "All servers are here"
  exit 0
fi

# Whatever asks to start a service during the installation is told not to.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | root tee $policy > /dev/null
  root chmod +x $policy
  trap 'root rm -f $policy' EXIT
fi
root apt-get update -qq
root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}"
