#!/usr/bin/env bash
# The Wasserstein-1 distance of two point clouds, estimated by a 1-Lipschitz network (Kantorovich-Rubinstein duality), against the exact value by linear
# assignment: a ring around a blob, 500 points each. Expected: within 1 % (short: within 5 %), and never above.
#
#   examples/demonstrations/1-wasserstein.sh [--short]
DEMO=1-wasserstein
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

run "$bin/liptrain" points clouds --count "$(pick 200 1000)" --noise 0.2 --seed 1 --out "$out/clouds.csv"
run "$bin/liptrain" wasserstein --data "$out/clouds.csv" --label-column -1 \
  --network "dense 64, groupsort2, dense 64, groupsort2, dense 64, groupsort2, dense 1" \
  --epochs "$(pick 150 1500)" --learning-rate 0.005 --seed 1 \
  --out "$out/potential" --report "$out/report.json" --log "$out/log.csv"
expect "relative error of the estimate" "$(value "$out/report.json" relativeError)" ">=" "$(pick -0.05 -0.01)"
expect "relative error of the estimate" "$(value "$out/report.json" relativeError)" "<=" 0.000001
certify "$out/potential.onnx"

run "$bin/liptrain" map "$out/potential.liptrain" --left -2.5 --right 2.5 --bottom -2.5 --top 2.5 --steps 120 --out "$out/map.dat"
plot wasserstein 900,400 <<END
set multiplot layout 1,2
set title "estimate during training"
set xlabel "step"
set ylabel "W_1"
set datafile separator ","
set key bottom right
set yrange [0:*]
plot "$out/log.csv" skip 1 using 1:2 with lines lw 2 title "network", "" skip 1 using 1:3 with lines dt 2 lc rgb "black" title "exact"
set title "the potential f and the two clouds"
set datafile separator whitespace
unset xlabel
unset ylabel
unset key
set size ratio -1
set yrange [-2.5:2.5]
set xrange [-2.5:2.5]
set palette defined (0 "#2166ac", 1 "#f7f7f7", 2 "#b2182b")
plot "$out/map.dat" using 1:2:3 with image, \
  "< awk -F, '\$3 == 0' $out/clouds.csv | tr , ' '" using 1:2 with points pt 7 ps 0.3 lc rgb "#053061", \
  "< awk -F, '\$3 == 1' $out/clouds.csv | tr , ' '" using 1:2 with points pt 7 ps 0.3 lc rgb "#67001f"
END
echo "$DEMO: all expectations hold"
