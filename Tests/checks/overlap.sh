#!/bin/bash
# How much of the communication the backward walk hides: two hosts (network namespaces with names of their own) of one rank with one
# thread each, joined by 1 Gbit/s. At least 70 % must not be waited for where communication takes half of the backward walk or less.
# Also printed: the part of it by which steps are not longer (the fastest of them). Where both hosts are the same two cores this is not judged: it
# holds what the network's own work takes from those that compute, and a few percent of noise in a step are a fifth of the communication. Needs
# root; takes its network down again.

. "$(dirname "$0")/common.bash"
[ "$(id -u)" = 0 ] || { echo "overlap: skipped, network namespaces need root"; exit 0; }

tag=ck$$
take_down() {
  # Daemons of a run that was interrupted live on in the hosts, and keep their network.
  for i in 1 2; do
    kill -KILL $(ip netns pids "$tag-$i" 2> "$scratch/null") 2> "$scratch/null" || true
    ip netns del "$tag-$i" 2> "$scratch/null" || true
  done
  ip link del "$tag" 2> "$scratch/null" || true
  rm -rf "$scratch"
}
trap take_down EXIT
trap 'exit 1' INT TERM

ip link add "$tag" type bridge
ip link set "$tag" up
for i in 1 2; do
  ip netns add "$tag-$i"
  ip link add e0 netns "$tag-$i" type veth peer name "${tag}p$i"
  ip link set "${tag}p$i" master "$tag" up
  ip -n "$tag-$i" addr add "10.78.0.$i/24" dev e0
  ip -n "$tag-$i" link set e0 up
  ip -n "$tag-$i" link set lo up
  # A burst below the 64 KiB that the kernel hands on at once would make it cut them into packets, which is a network card's work, on the cores
  # that compute.
  ip netns exec "$tag-$i" tc qdisc add dev e0 root tbf rate 1gbit burst 1mbit latency 50ms
done

# What mpirun takes for ssh: runs a command on the host with this address, which has a name of its own.
cat > "$scratch/agent" <<AGENT
#!/bin/bash
number=\${1##*.}; shift
exec ip netns exec "$tag-\$number" unshare --uts bash -c 'hostname "\$0"; eval "\$1"' "check\$number" "\$*"
AGENT
chmod +x "$scratch/agent"

# bench KEYS...: prints and leaves the numbers in $scratch/result.
bench() {
  ip netns exec "$tag-1" unshare --uts bash -c 'hostname check1; exec "$@"' mpirun \
    timeout -k 10 500 mpirun --host 10.78.0.1:1,10.78.0.2:1 --bind-to none --mca plm_rsh_agent "$scratch/agent" \
    --mca btl self,tcp --mca btl_tcp_if_include 10.78.0.0/24 --mca oob_tcp_if_include 10.78.0.0/24 -n 2 -x OMP_NUM_THREADS \
    "$cohort" bench coordination --threads 1 --json "$@" > "$scratch/result" &
  wait $!  # not in the foreground, where a signal to this script would wait for it
}
number() { sed -n "s/^ *\"$1\" : \([-0-9.e]*\),*\$/\1/p" "$scratch/result"; }

for reduction in exact fast; do
  bench --network unet3d --option base="${BASE:-16}" --patch "${PATCH:-96,96,96}" --reduction $reduction --steps "${STEPS:-11}"
  awk -v r=$reduction -v plain="$(number plainSeconds)" -v all="$(number coordinatedSeconds)" -v b="$(number backwardSeconds)" \
    -v c="$(number communicationSeconds)" -v e="$(number exposedSeconds)" -v p="$(number parameters)" -v s="$(number costShare)" 'BEGIN {
      printf "overlap %s: %d parameters, plain step %.3f s, coordinated %.3f s, backward %.3f s, ", r, p, plain, all, b
      printf "communication %.3f s (%.0f %% of it), exposed %.3f s: %.1f %% hidden; ", c, 100 * c / b, e, 100 * (1 - e / c)
      printf "by the difference of the fastest steps %.1f %%\n", 100 * (1 - s * plain / c)
      exit !(c <= 0.5 * b && e <= 0.3 * c)
    }' || fail "less than 70 % is hidden, or communication takes more than half of the backward walk here: then set PATCH larger"
done
