#!/bin/bash
# ReLiF-3D and what it is compared with, on cohorts made of a real brain with one labelled subject: mean test Dice of each method on each cohort,
# mean and deviation over the cohorts, and both of the difference from the method above. Every method has the same steps and the same seeds.
#
#   Tests/Yardstick/one_label.sh COHORT TEMPLATES FOLDER     the program, a folder with ch2.nii.gz and aal.nii.gz, where results go
#
# METHODS chooses among the methods below, COHORTS the seeds of the cohorts; the runs have the seeds 1, 2, 3, ...

set -euo pipefail
cohort=$1 templates=$2 folder=$3
methods=${METHODS:-supervised sobf relif-without-prior relif}
ranks() { OMP_NUM_THREADS=1 mpirun --oversubscribe --bind-to none -n "${RANKS:-2}" "$cohort" "$@"; }

# The recipe and the keys of a method.
choices() {
  case $1 in
  supervised) echo demo-supervised ;;
  sobf) echo demo-supervised method.sobf=paper ;;
  relif-without-prior) echo demo-relif prior.kind=none ;;
  relif) echo demo-relif ;;
  mean-teacher | semisam-plus | prior-only) echo demo-supervised method="$1" ;;
  semisam-o1) echo demo-supervised method="$1" prior.kind=prototype ;;
  *) echo "no method $1 here" >&2; return 1 ;;
  esac
}

mkdir -p "$folder"
: > "$folder/scores"
run=0
for seed in ${COHORTS:-7 8 9}; do
  run=$((run + 1)) data=$folder/cohort-$seed
  if [ ! -d "$data" ]; then
    "$cohort" synthesize --output "$data/raw" --subjects 16 --labelled 1 --seed "$seed" --spacing 2 --template "$templates/ch2.nii.gz" \
      --labels "$templates/aal.nii.gz" --classes 77+78,73+74,71+72,37+38
    "$cohort" prepare "$data/raw" --output "$data/prepared"
  fi
  for method in $methods; do
    chosen=($(choices "$method")) own=$data/$method
    rm -rf "$own" && mkdir "$own"
    "$cohort" recipes "${chosen[0]}" > "$own/run.yaml"
    ranks train "$own/run.yaml" data="$data/prepared" output="$own/run" seed=$run "${chosen[@]:1}" ${KEYS:-} > "$own/log" 2>&1 &&
      ranks predict --checkpoint "$own/run" --input "$data/raw/imagesTs" --output "$own/predictions" >> "$own/log" 2>&1 ||
      { tail -5 "$own/log" >&2; exit 1; }
    "$cohort" evaluate --predictions "$own/predictions" --references "$data/raw/labelsTs" > "$own/scores"
    echo "$method $seed $(awk '/^mean .*all classes/ { print $4 }' "$own/scores")" | tee -a "$folder/scores"
  done
done

awk -v methods="$methods" '
  { dice[$1, $2] = $3; if (!seen[$2]++) seeds[++count] = $2 }
  function spread(values,   mean, i, sum) {
    for (i = 1; i <= count; i++) mean += values[i] / count
    for (i = 1; i <= count; i++) sum += (values[i] - mean) ^ 2
    return sprintf("%+.4f %.4f", mean, count > 1 ? sqrt(sum / (count - 1)) : 0)
  }
  END {
    printf "\n%-20s", "mean test Dice"; for (i = 1; i <= count; i++) printf " %9s", "cohort " seeds[i]
    print "      mean  deviation  above the line before, deviation of that"
    for (m = 1; m <= split(methods, names, " "); m++) {
      printf "%-20s", names[m]
      for (i = 1; i <= count; i++) { own[i] = dice[names[m], seeds[i]]; printf " %9.4f", own[i]; step[i] = own[i] - last[i] }
      split(spread(own), all, " "); split(spread(step), gain, " ")
      printf " %9.4f  %9.4f", all[1], all[2]; if (m > 1) printf "  %s %s", gain[1], gain[2]
      print ""
      for (i = 1; i <= count; i++) last[i] = own[i]
    }
  }' "$folder/scores"
