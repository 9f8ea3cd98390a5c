#!/bin/bash
# mpirun over ssh between separate hosts, and what `cohort doctor` says of them. About a minute.
#
#   Tests/checks/lan.sh                all cases
#   Tests/checks/lan.sh shared dead    some of them
#
# Prints a line for each case, and ends with 0 if all of them hold; where hosts cannot be made it says so.
set -u
repository=$(cd "$(dirname "$0")/../.." && pwd)
. "$repository/Tests/checks/lan-bench.bash"
all_cases="shared apart dead plain train"
if reason=$(lan_missing); then echo "skipped: $reason (apt-get install iproute2 openssh-server)"; exit 0; fi

bench=$(mktemp -d /tmp/cohort-lan.XXXXXX)
trap 'lan_stop; [ -n "${KEEP:-}" ] || rm -rf "$bench"' EXIT
trap 'exit 1' INT TERM
export PATH=${COHORT_FOLDER:-$repository/.build/release}:$PATH OMP_NUM_THREADS=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
failures=0
cd "$bench" || exit 1

fail() { echo "FAILED $1: $2"; failures=$((failures + 1)); tail -n 25 "$1.out" | sed 's/^/    /'; }

# says NAME CODE TEXT...: the last command's output in NAME.out ended with CODE and holds each text.
says() {
  local name=$1 code=$2 expected=$3 text
  [ "$code" = "$expected" ] || { fail "$name" "code $code, expected $expected"; return 1; }
  for text in "${@:4}"; do grep -qF -- "$text" "$name.out" || { fail "$name" "does not say: $text"; return 1; }; done
}

# doctor NAME ARGUMENT...: as a user of host 1 types it; sets $code and $seconds.
doctor() {
  local name=$1 started=$SECONDS
  shift
  lan_on 1 timeout 60 cohort doctor "$@" > "$name.out" 2>&1
  code=$? seconds=$((SECONDS - started))
}

prepare() {
  cohort synthesize --output raw --subjects 6 --labelled 2 --seed 3 --spacing 4 > /dev/null &&
    cohort prepare raw --output packs > /dev/null || return
  printf '%s slots=1\n' "$(lan_address 1)" "$(lan_address 2)" > hosts
  printf '%s slots=1\n' "$(lan_address 1)" "$(lan_address 9)" > hosts-dead
  cat > run.yaml << END
data: packs
output: runs/one
method: mean-teacher
network: {name: unet3d, base: 2}
patch: [16, 16, 32]
steps: 20
lanes: 2
END
}

lan_start "$bench/lan" 2 && prepare || exit 1
line='--mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24'

case_shared() {
  doctor shared --hostfile hosts --folder runs/doctor --data packs
  says shared "$code" 0 "$line" '10.77.0.0/24 connects all 2 hosts' 'fit to train' '64 MB saved' \
    'USR1 sent to mpirun reaches every rank' || return
  [ "$seconds" -le 60 ] || { fail shared "$seconds s"; return; }
  echo "ok shared: two hosts are fit to train, $seconds s (10 or less where nothing else runs)"
}

case_apart() {
  doctor apart --hostfile hosts --folder "$bench/lan/own"
  says apart "$code" 4 'is not seen on lab2' 'not fit to train' &&
    echo "ok apart: a run folder that only one host sees is a problem, $seconds s"
}

case_dead() {
  doctor dead --hostfile hosts-dead
  says dead "$code" 3 '10.77.0.9' 'ssh' && echo "ok dead: a host that does not answer is named, $seconds s"
}

# Without the option mpirun tries docker0 as well, and its messages do not arrive: the doctor says so and ends.
case_plain() {
  lan_on 1 timeout 90 mpirun --hostfile hosts --map-by node -x OMP_NUM_THREADS -n 2 "$(command -v cohort)" doctor > plain.out 2>&1
  says plain $? 4 'Messages between hosts do not arrive' '10.77.0.0/24' 'cohort doctor --hostfile' &&
    echo "ok plain: a network that leads nowhere stops mpirun, and the doctor says how to go on"
}

case_train() {
  # shellcheck disable=SC2086
  lan_on 1 timeout 120 mpirun --hostfile hosts --map-by node --bind-to none $line -x OMP_NUM_THREADS -n 2 "$(command -v cohort)" train run.yaml \
    output=runs/two > train.out 2>&1
  says train $? 0 'step 20' && cohort train run.yaml > /dev/null || return
  local run
  for run in one two; do cohort checkpoint export "runs/$run" --output "$run.safetensors" > /dev/null; done
  cmp --silent one.safetensors two.safetensors || { fail train "other bytes than on one host"; return; }
  echo "ok train: two hosts train to the same bytes as one"
}

for name in ${*:-$all_cases}; do
  if declare -f "case_$name" > /dev/null; then "case_$name"; else echo "FAILED: there is no case $name: $all_cases"; failures=1; fi
done
[ $failures = 0 ] && echo "LAN: all cases hold" || { echo "LAN: $failures failed"; exit 1; }
