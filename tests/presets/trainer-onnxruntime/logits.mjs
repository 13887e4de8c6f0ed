// Runs an exported network in ONNX Runtime on the images of an NPY file (bytes) and compares with the logits that the trainer wrote as CSV.
//
//   node logits.mjs MODEL.onnx IMAGES.npy SCALE LOGITS.csv
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';

const [model, images, scale, logits] = process.argv.slice(2);
const bytes = readFileSync(images);
const start = 10 + bytes.readUInt16LE(8);
const [count, ...shape] = bytes.toString('latin1', 10, start).match(/\(([^)]*)\)/)[1].split(',').filter((s) => s.trim()).map(Number);
const size = shape.reduce((a, b) => a * b, 1);
const wanted = readFileSync(logits, 'utf8').trim().split('\n').map((line) => line.split(',').map(Number));
let worst = 0;
for (const level of ['disabled', 'all']) {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: level, logSeverityLevel: 3 });
  for (let n = 0; n < count; ++n) {
    const x = Float32Array.from(bytes.subarray(start + n * size, start + (n + 1) * size), (v) => Math.fround(v * Number(scale)));
    const { logits: f } = await session.run({ input: new ort.Tensor('float32', x, [1, ...shape]) });
    wanted[n].forEach((v, k) => { worst = Math.max(worst, Math.abs(v - f.data[k]) / Math.max(1, Math.abs(v))); });
  }
}
console.log(`${model.split('/').pop()}: ${count} images, largest difference ${worst.toExponential(2)}`);
process.exit(worst <= 1e-6 ? 0 : 1);
