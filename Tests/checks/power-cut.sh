#!/bin/bash
# The order in which a checkpoint reaches the disk survives a power cut at any moment: jobs save under strace, and a
# model of a disk that loses all it was not told to keep replays the record up to every call. Half a minute.
set -u
cd "$(dirname "$0")/../.."
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
command -v strace >/dev/null || { echo "strace is missing: sudo apt-get install strace"; exit 1; }
swift build -c release --explicit-target-dependency-import-check error --product cohort-scenarios || exit 1
PROGRAM=.build/release/cohort-scenarios
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
CALLS=openat,write,pwrite64,pwritev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir

for backend in gather parallel; do
  place=$FOLDER/$backend
  mkdir -p "$place/run"
  timeout 120 strace -f -y -qq -s 4096 -e trace=$CALLS -e signal=none -o "$place/trace" \
    mpirun --oversubscribe -n 2 "$PROGRAM" power-cut-save "$place" $backend || { echo "FAILED: saving, $backend"; exit 1; }
  # Written bytes are of no interest to the model and would only confuse it.
  sed -i -E 's/^([0-9]+ +p?write(v|64)?\([0-9]+<[^>]*>), .*( = [0-9]+)$/\1)\3/' "$place/trace"
  result=$("$PROGRAM" power-cut-replay "$place" "$place/trace") || { echo "FAILED: $backend"; exit 1; }
  echo "$backend: $result"
  # The model must notice an order that is wrong: without the fsync of the state, and without those of folders.
  for forgotten in 'state\.h5>' 'checkpoints>'; do
    grep -v -E "fsync\([0-9]+<[^>]*$forgotten" "$place/trace" >"$place/wrong"
    "$PROGRAM" power-cut-replay "$place" "$place/wrong" >/dev/null 2>&1 && { echo "FAILED: nothing noticed without fsync of $forgotten"; exit 1; }
  done
done
echo "power cut after every call: nothing committed is lost"
