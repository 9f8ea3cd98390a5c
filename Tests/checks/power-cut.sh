#!/bin/bash
# The order in which a checkpoint reaches the disk survives a power cut at any moment: jobs save under strace, and a
# model of a disk that loses all it was not told to keep replays the record up to every call. Half a minute.
. "$(dirname "$0")/common.bash"
command -v strace > "$scratch/null" || fail "strace is missing: sudo apt-get install strace"
build cohort-scenarios
calls=openat,write,pwrite64,pwritev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir

for backend in gather parallel; do
  place=$scratch/$backend
  mkdir -p "$place/run"
  timeout 120 strace -f -y -qq -s 4096 -e trace=$calls -e signal=none -o "$place/trace" \
    mpirun --oversubscribe -n 2 "$scenarios" power-cut-save "$place" $backend || fail "saving, $backend"
  # Written bytes are of no interest to the model and would only confuse it.
  sed -i -E 's/^([0-9]+ +p?write(v|64)?\([0-9]+<[^>]*>), .*( = [0-9]+)$/\1)\3/' "$place/trace"
  result=$("$scenarios" power-cut-replay "$place" "$place/trace") || fail "$backend"
  echo "$backend: $result"
  # The model must notice an order that is wrong: without the fsync of the state, and without those of folders.
  for forgotten in 'state\.h5>' 'checkpoints>'; do
    grep -v -E "fsync\([0-9]+<[^>]*$forgotten" "$place/trace" > "$place/wrong"
    ! "$scenarios" power-cut-replay "$place" "$place/wrong" > "$scratch/null" 2>&1 || fail "nothing noticed without fsync of $forgotten"
  done
done
echo "power cut after every call: nothing committed is lost"
