// SPDX-License-Identifier: MIT
// ONNX Runtime beside fusiform, with the protocol of peer.py: node ort.js FOLDER MODEL BATCH THREADS, where FOLDER
// holds node_modules/onnxruntime-node.
const { createRequire } = require('module');
const [, , folder, model, batch, threads] = process.argv, n = +batch;
const ort = createRequire(folder + '/')('onnxruntime-node');
(async () => {
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: +threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' });
  const values = new Float32Array(n * 3 * 224 * 224).map(() => Math.random() * 2 - 1);
  const input = { [session.inputNames[0]]: new ort.Tensor('float32', values, [n, 3, 224, 224]) };
  const pass = async () => {
    const start = performance.now();
    await session.run(input);
    return (performance.now() - start) / n;
  };
  for (let i = 0; i < 3; i++) await pass();
  console.log('ready');
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const ms = [];
    await pass();
    for (let i = 0; i < +line; i++) ms.push(await pass());
    ms.sort((a, b) => a - b);
    console.log(ms[ms.length >> 1].toFixed(3), ms[0].toFixed(3));
  }
})();
