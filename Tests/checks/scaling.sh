#!/bin/bash
# A time-dilated study (Gupta et al., NSDI 2006): 16 hosts (network namespaces) on a network of 10 Gbit/s, both slowed down 50
# times: links of 200 Mbit/s, sleeps 50 times as long as recorded. A step of 40 ms with 2 % jitter averages 190,000 values in the
# buckets of V-Net: of its 9.4 million and 2 s a fiftieth of each. Eight hosts must reach an efficiency of 0.90, and the model must
# predict 16 hosts from 1, 2, 4 and 8 within 10 %. Also: the bandwidth of allreduce over a link, against what the link carries,
# which must be 0.80. Needs root; takes its network down again.

. "$(dirname "$0")/common.bash"
. Tests/checks/hosts.bash
make_hosts 16 10.79.0 200mbit

# V-Net's arrays, and when they are ready, as recorded here; in place of its lane times ones around 40 ms: the sum of twelve uniform numbers has a
# deviation of 1.
make_data
cat > "$scratch/vnet.yaml" <<RUN
data: $scratch/packs
output: $scratch/none
method: supervised
network: vnet
patch: [32, 32, 32]
lanes: 1
RUN
"$cohort" scale record "$scratch/vnet.yaml" --output "$scratch/recorded.json" --steps 2 > "$scratch/log"
awk '
  /"lanes" : \[/ {
    srand(1)
    for (lane = 0; lane < 200; lane++) {
      g = -6; for (i = 0; i < 12; i++) g += rand()
      seconds = 0.04 * (1 + 0.02 * g)
      made_up = made_up sprintf("%s{\"forward\":%.6f,\"backward\":%.6f}", lane ? "," : "", seconds / 3, seconds * 2 / 3)
    }
    print "  \"lanes\" : [" made_up "],"; skipped = 1
  }
  !skipped
  /^  \],/ { skipped = 0 }' "$scratch/recorded.json" > "$scratch/lanes.json"

cat > "$scratch/study.yaml" <<STUDY
output: $scratch/study
compute: replay:$scratch/lanes.json
averagedValues: 190000
dilation: 50
nodes: [1, 2, 4, 8, 16]
weak: 1
allreduce: [4K, 64K, 1M]
hostfile: $scratch/hosts
arguments: [--mca, plm_rsh_agent, $scratch/agent, --mca, plm_rsh_no_tree_spawn, "1", --mca, btl, "self,tcp", --mca, btl_tcp_if_include,
  10.79.0.0/24, --mca, oob_tcp_if_include, 10.79.0.0/24]
warmup: 1
steps: ${STEPS:-5}
STUDY
on_first_host "$cohort" scale run "$scratch/study.yaml" > "$scratch/log" &
wait $! || { cat "$scratch/log"; fail "the study"; }  # not in the foreground, where a signal to this script would wait for it
on_first_host "$cohort" scale report "$scratch/study.yaml" > "$scratch/files"
on_first_host "$cohort" scale model "$scratch/study.yaml" | tee "$scratch/model"

awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
  $1 == "weak" && $(column["throughput.emulated"]) != "" {
    printf "scaling: %2d hosts, emulated efficiency %.3f (%.3f to %.3f)\n", $2, $(column["efficiencyOne.emulated"]),
      $(column["efficiencyOne.emulated.low"]), $(column["efficiencyOne.emulated.high"])
    if ($2 == 8) eight = $(column["efficiencyOne.emulated"])
  }
  END { exit !(eight >= 0.9) }' "$scratch/study/scaling.csv" || fail "eight hosts are less than 0.90 efficient"
error=$(sed -n 's/.*prediction for 16 nodes without their measurements: \([-+0-9.]*\) %.*/\1/p' "$scratch/model")
awk -v error="${error:?}" 'BEGIN { exit !(error <= 10 && error >= -10) }' || fail "16 hosts predicted with an error of $error %"

# Two hosts: each sends n bytes and receives n, so that the bus bandwidth is that of the link.
on_first_host timeout 300 mpirun --host 10.79.0.1:1,10.79.0.2:1 --bind-to none "${over_network[@]}" -n 2 \
  "$cohort" bench allreduce --sizes 4M,16M --repeats 5 \
  > "$scratch/bandwidth"
awk '$1 == "Float" || $1 == "Int64" {
    share = $8 / 0.025
    printf "scaling: allreduce of %d bytes (%s) at %.3f of a link of 200 Mbit/s\n", $2, $1, share
    if (share < 0.8) missed = 1
  }
  END { exit missed }' "$scratch/bandwidth" || fail "allreduce has less than 0.80 of the link's bandwidth"
