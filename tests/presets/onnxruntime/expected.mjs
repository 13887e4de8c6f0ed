// Runs models in ONNX Runtime and writes samples of inputs with the outputs that it gave.
//
//   node expected.mjs MODEL.onnx INPUTS.json OUT.json
//   node expected.mjs --list LIST COUNT
//
// INPUTS.json is a list of {"label", "input"}; OUT.json is what tests/e2e reads (examples/models/digits.io.json was made this way).
// With INPUTS.json replaced by a number n, n random inputs of the model's shape are used (fixed seed, multiples of 1/64 in [-2, 2]).
// LIST has a model in each line: MODEL.onnx.json is written beside it, or MODEL.onnx.refused with the runtime's reason.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as ort from 'onnxruntime-node';

const [model, inputs, out] = process.argv.slice(2);
if (!out) {
  console.error('usage: node expected.mjs MODEL.onnx INPUTS.json|COUNT OUT.json, or node expected.mjs --list LIST COUNT');
  process.exit(2);
}
const version = createRequire(import.meta.url)('onnxruntime-node/package.json').version;

function random(count, size) {
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

async function expected(path, list, to) {
  // Graph rewriting is off: the comparison is with the graph as it stands in the file.
  const session = await ort.InferenceSession.create(path, { graphOptimizationLevel: 'disabled', logSeverityLevel: 4 });
  const meta = session.inputMetadata[0];
  const shape = meta.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
  const entries = /^\d+$/.test(list) ? random(Number(list), shape.reduce((a, b) => a * b, 1)) : JSON.parse(readFileSync(list, 'utf8'));
  const samples = [];
  for (const { label, input } of entries) {
    const data = meta.type === 'float64' ? Float64Array.from(input) : Float32Array.from(input);
    const result = await session.run({ [session.inputNames[0]]: new ort.Tensor(meta.type, data, shape) });
    samples.push({ label, input, output: Array.from(result[session.outputNames[0]].data) });
  }
  const text = JSON.stringify({
    model: basename(path),
    modelSha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
    runtime: `onnxruntime-node ${version}, CPU, graph optimisation off`,
    arithmetic: meta.type,
    samples,
  });
  writeFileSync(to, text.replaceAll('{"label"', '\n{"label"') + '\n');
}

if (model === '--list') {
  for (const path of readFileSync(inputs, 'utf8').split('\n').filter((line) => line)) {
    try {
      await expected(path, out, path + '.json');
    } catch (error) {
      writeFileSync(path + '.refused', String(error.message ?? error) + '\n');
    }
  }
} else {
  await expected(model, inputs, out);
}
