#!/usr/bin/env bash
# Counterfactual directions: from an image x straight along -grad of the margin until the decision changes, and what that looks like. Expected: no
# decision changes within the certified radius, and the way along the gradient is at most a few radii long (the mean of radius / distance is at least 1/4).
#
#   examples/demonstrations/4-counterfactuals.sh [--short] [MODEL.liptrain IMAGES LABELS]
#
# By default the network and the digits that ship in examples/models.
DEMO=4-counterfactuals
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

model=${1:-examples/models/mnist.liptrain}
images=${2:-examples/models/mnist10k-images-idx3-ubyte.gz}
labels=${3:-examples/models/mnist10k-labels-idx1-ubyte.gz}
run "$bin/liptrain" counterfactual "$model" --data "$images" --labels "$labels" --samples "$(pick 50 500)" --out "$out" --report "$out/report.json"
expect "decisions that change within the radius" "$(value "$out/report.json" early)" "==" 0
expect "decisions that change within ten radii" "$(value "$out/report.json" flipped)" ">=" "$(pick 45 450)"
expect "radius / distance along the gradient, mean" "$(value "$out/report.json" meanRatio)" ">=" 0.25
echo "picture   $out/counterfactuals.png (image, counterfactual, difference)"

plot distances <<END
set datafile separator ","
set xlabel "certified radius"
set ylabel "distance at which the decision changes along -grad f"
set key top left
set xrange [0:*]
set yrange [0:*]
plot "$out/distances.csv" skip 1 using 4:5 with points pt 7 ps 0.4 title "one image", x with lines lc rgb "black" title "the radius: nothing below"
END
echo "$DEMO: all expectations hold"
