#!/usr/bin/env bash
# Four small applications on data that a user can get; one table with accuracy, mean radius and certified accuracy at 36/255.
#
#   examples/demonstrations/5-applications.sh [--short] [FOLDER]
#
#   Fashion-MNIST   ten kinds of clothing, 28 x 28     Debian package dataset-fashion-mnist
#   EuroSAT         ten kinds of land, 64 x 64 RGB     FOLDER/eurosat_train, FOLDER/eurosat_test: one sub-folder of JPEG images per class
#   eyes            open or closed, 24 x 24            FOLDER/eyes_open_closed_24.npz (x, y)
#   lights          red or green, 64 x 64 RGB          FOLDER/traffic_lights_mit_64.npz (x_train, y_train, x_test, y_test)
#
# What is not there is left out, and said. FOLDER also takes eurosat_rgb_600percls_partA.tar.gz (training) and ...partB.tar.gz (test). A set of your own,
# railway signs for example: a folder with one sub-folder of images per class, see examples/trainer/README.md.
DEMO=5-applications
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder=${1:-${APPLICATIONS:-}}
fashion=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
done_ones=()

# application NAME TITLE CONFIG-OPTIONS...: trains, certifies on the test part, remembers the row of the table.
application() {
  local name=$1
  shift
  run "$bin/liptrain" train --config "$here/$name.json" "$@" --out "$out/$name.onnx" --report "$out/$name.report.json" --log "$out/$name.csv"
  done_ones+=("$name")
}
leave_out() { echo "left out: $1" >&2; }

if [ -f "$fashion/train-images-idx3-ubyte.gz" ]; then
  application fashion --data "$fashion/train-images-idx3-ubyte.gz" --labels "$fashion/train-labels-idx1-ubyte.gz" \
    --test-data "$fashion/t10k-images-idx3-ubyte.gz" --test-labels "$fashion/t10k-labels-idx1-ubyte.gz" $(pick "--limit 10000 --epochs 2" "")
  expect "accuracy, fashion" "$(value "$out/fashion.report.json" finished accuracy)" ">=" "$(pick 0.75 0.86)"
  certify "$out/fashion.onnx" --data "$fashion/t10k-images-idx3-ubyte.gz" --labels "$fashion/t10k-labels-idx1-ubyte.gz" --scale 1/255 --eps 36/255
else
  leave_out "Fashion-MNIST: $fashion/train-images-idx3-ubyte.gz is missing (apt-get install dataset-fashion-mnist)"
fi

if [ -n "$folder" ]; then
  for part in A:train B:test; do
    archive=$folder/eurosat_rgb_600percls_part${part%:*}.tar.gz
    if [ -f "$archive" ] && [ ! -d "$out/eurosat_${part#*:}" ]; then
      mkdir -p "$out/eurosat_${part#*:}.tmp"
      tar xzf "$archive" -C "$out/eurosat_${part#*:}.tmp"
      mv "$out/eurosat_${part#*:}.tmp" "$out/eurosat_${part#*:}"
    fi
  done
fi
eurosat=$out
[ -n "$folder" ] && [ -d "$folder/eurosat_train" ] && eurosat=$folder
if [ -d "$eurosat/eurosat_train" ] && [ -d "$eurosat/eurosat_test" ]; then
  for part in train test; do  # pixels as bytes: lipcert reads the very numbers that were trained on
    [ -f "$out/eurosat_$part.npy" ] || run "$bin/liptrain" pack --data "$eurosat/eurosat_$part" --image-size 64 --out "$out/eurosat_$part"
  done
  application eurosat --data "$out/eurosat_train.npy" --labels "$out/eurosat_train.labels.npy" \
    --test-data "$out/eurosat_test.npy" --test-labels "$out/eurosat_test.labels.npy" $(pick "--epochs 2" "")
  expect "accuracy, eurosat" "$(value "$out/eurosat.report.json" finished accuracy)" ">=" "$(pick 0.4 0.7)"
  certify "$out/eurosat.onnx" --data "$out/eurosat_test.npy" --labels "$out/eurosat_test.labels.npy" --scale 1/255 --eps 36/255
else
  leave_out "EuroSAT: eurosat_train and eurosat_test are missing"
fi

if [ -f "$folder/eyes_open_closed_24.npz" ]; then
  archive=$folder/eyes_open_closed_24.npz
  application eyes --data "$archive:x" --labels "$archive:y" --hold-out 0.2 $(pick "--epochs 5" "")
  run "$bin/liptrain" pack --data "$archive:x" --labels "$archive:y" --hold-out 0.2 --out "$out/eyes_test"
  expect "accuracy, eyes" "$(value "$out/eyes.report.json" finished accuracy)" ">=" "$(pick 0.75 0.88)"
  certify "$out/eyes.onnx" --data "$out/eyes_test.npy" --labels "$out/eyes_test.labels.npy" --scale 1/255 --eps 36/255
else
  leave_out "eyes: eyes_open_closed_24.npz is missing"
fi

if [ -f "$folder/traffic_lights_mit_64.npz" ]; then
  archive=$folder/traffic_lights_mit_64.npz
  lights=(--layout NHWC --classes 0,1)  # green, red
  for part in train test; do
    run "$bin/liptrain" pack --data "$archive:x_$part" --labels "$archive:y_$part" "${lights[@]}" --out "$out/lights_$part"
  done
  application lights --data "$out/lights_train.npy" --labels "$out/lights_train.labels.npy" \
    --test-data "$out/lights_test.npy" --test-labels "$out/lights_test.labels.npy" $(pick "--epochs 4" "")
  expect "accuracy, lights" "$(value "$out/lights.report.json" finished accuracy)" ">=" "$(pick 0.9 0.98)"
  certify "$out/lights.onnx" --data "$out/lights_test.npy" --labels "$out/lights_test.labels.npy" --scale 1/255 --eps 36/255
  for part in train test; do
    run "$bin/liptrain" pack --data "$archive:x_$part" --labels "$archive:y_$part" --layout NHWC --out "$out/lights3_$part"
  done
  application lights3 --data "$out/lights3_train.npy" --labels "$out/lights3_train.labels.npy" \
    --test-data "$out/lights3_test.npy" --test-labels "$out/lights3_test.labels.npy" $(pick "--epochs 4" "")
  expect "accuracy, lights of three colours" "$(value "$out/lights3.report.json" finished accuracy)" ">=" "$(pick 0.85 0.95)"
  certify "$out/lights3.onnx" --data "$out/lights3_test.npy" --labels "$out/lights3_test.labels.npy" --scale 1/255 --eps 36/255
else
  leave_out "lights: traffic_lights_mit_64.npz is missing"
fi

[ ${#done_ones[@]} -gt 0 ] || fail "no data set was found; install dataset-fashion-mnist or name a folder." 2
printf '\n%-10s %8s %10s %12s %20s %12s\n' application test accuracy "mean radius" "certified at 36/255" "epoch, CPU s"
for name in "${done_ones[@]}"; do
  report=$out/$name.report.json
  awk -v n="$name" -v s="$(value "$report" finished samples)" -v a="$(value "$report" finished accuracy)" -v r="$(value "$report" finished meanRadius)" \
    -v c="$(value "$report" finished certified 36/255)" -v t="$(value "$report" epochs 0 cpuSeconds)" \
    'BEGIN { printf "%-10s %8d %8.2f %% %12.4f %18.2f %% %12.1f\n", n, s, 100 * a, r, 100 * c, t }'
done | tee "$out/table.txt"

plot applications <<END
set style data histograms
set style fill solid 0.8
set yrange [0:100]
set ylabel "%"
set key bottom left opaque
plot "$out/table.txt" using 3:xtic(1) title "accuracy", "" using 6 title "certified at 36/255"
END
echo "$DEMO: all expectations hold"
