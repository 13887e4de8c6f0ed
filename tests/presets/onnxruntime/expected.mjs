// Runs a model in ONNX Runtime and writes a sample of inputs with the outputs that it gave.
//
//   node expected.mjs MODEL.onnx INPUTS.json OUT.json
//
// INPUTS.json is a list of {"label", "input"}; OUT.json is what tests/e2e reads (examples/models/digits.io.json was made this way).
// With INPUTS.json replaced by a number n, n random inputs of the model's shape are used (fixed seed, multiples of 1/64 in [-2, 2]).
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as ort from 'onnxruntime-node';

const [model, inputs, out] = process.argv.slice(2);
if (!out) {
  console.error('usage: node expected.mjs MODEL.onnx INPUTS.json|COUNT OUT.json');
  process.exit(2);
}
// Graph rewriting is off: the comparison is with the graph as it stands in the file.
const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 });
const meta = session.inputMetadata[0];
const shape = meta.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
const size = shape.reduce((a, b) => a * b, 1);

function random(count) {
  let state = 1n;  // splitmix64
  const next = () => {
    state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
    return Number((z ^ (z >> 31n)) % 257n) / 64 - 2;
  };
  return Array.from({ length: count }, () => ({ label: -1, input: Array.from({ length: size }, next) }));
}

const list = /^\d+$/.test(inputs) ? random(Number(inputs)) : JSON.parse(readFileSync(inputs, 'utf8'));
const samples = [];
for (const { label, input } of list) {
  const data = meta.type === 'float64' ? Float64Array.from(input) : Float32Array.from(input);
  const result = await session.run({ [session.inputNames[0]]: new ort.Tensor(meta.type, data, shape) });
  samples.push({ label, input, output: Array.from(result[session.outputNames[0]].data) });
}
const version = createRequire(import.meta.url)('onnxruntime-node/package.json').version;
const text = JSON.stringify({
  model: basename(model),
  modelSha256: createHash('sha256').update(readFileSync(model)).digest('hex'),
  runtime: `onnxruntime-node ${version}, CPU, graph optimisation off`,
  arithmetic: meta.type,
  samples,
});
writeFileSync(out, text.replaceAll('{"label"', '\n{"label"') + '\n');
