#!/usr/bin/env bash
# Two moons and two circles, separated by an HKR network with one output. Expected: held-out accuracy >= 99 % (short: 98 %). The maps show f, the
# decision border and the certified tubes: a point between the lines f = -0.1 and f = 0.1 is nearer than 0.1 to no other decision than what they enclose.
#
#   examples/demonstrations/2-moons-and-circles.sh [--short]
DEMO=2-moons-and-circles
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

for shape in moons circles; do
  run "$bin/liptrain" points "$shape" --count "$(pick 600 2000)" --noise 0.08 --seed 1 --out "$out/$shape.train.csv"
  run "$bin/liptrain" points "$shape" --count 2000 --noise 0.08 --seed 2 --out "$out/$shape.test.csv"
  run "$bin/liptrain" train --data "$out/$shape.train.csv" --test-data "$out/$shape.test.csv" --label-column -1 \
    --network "dense 64, groupsort2, dense 64, groupsort2, dense 32, groupsort2, dense 1" \
    --loss hkr --alpha 200 --margin 0.3 --epochs "$(pick 60 150)" --batch 100 --learning-rate 0.005 --schedule cosine --seed 1 --eps 0.05,0.1 --restart \
    --out "$out/$shape.onnx" --report "$out/$shape.json"
  expect "held-out accuracy, $shape" "$(value "$out/$shape.json" finished accuracy)" ">=" "$(pick 0.98 0.99)"
  certify "$out/$shape.onnx" --data "$out/$shape.test.csv" --label-column -1 --eps 0.05,0.1
  run "$bin/liptrain" map "$out/$shape.liptrain" --left -2 --right 3 --bottom -2 --top 2.2 --steps 200 --out "$out/$shape.dat"
done

draw() {
  cat <<END
set title "two $1"
unset key
unset colorbox
set size ratio -1
set xrange [$2]
set yrange [$3]
set palette defined (0 "#2166ac", 1 "#f7f7f7", 2 "#b2182b")
set cbrange [-0.6:0.6]
set contour base
set cntrparam levels discrete -0.1, 0, 0.1
set table "$out/$1.contour"
unset surface
splot "$out/$1.dat" using 1:2:4
unset table
unset contour
set surface
plot "$out/$1.dat" using 1:2:4 with image, "$out/$1.contour" using 1:2 with lines lw 1.5 lc rgb "black", \
  "< awk -F, '\$3 == 0' $out/$1.test.csv | tr , ' '" using 1:2 every 3 with points pt 7 ps 0.3 lc rgb "#053061", \
  "< awk -F, '\$3 == 1' $out/$1.test.csv | tr , ' '" using 1:2 every 3 with points pt 7 ps 0.3 lc rgb "#67001f"
END
}
{ echo "set multiplot layout 1,2"; draw moons -1.5:2.5 -1.2:1.7; draw circles -1.6:1.6 -1.6:1.6; } | plot tubes 900,420
echo "$DEMO: all expectations hold"
