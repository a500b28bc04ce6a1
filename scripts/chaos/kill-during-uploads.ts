// `npm run chaos:uploads -- [--rounds 200] [--seed n] [--clients 8]`
import process from 'node:process';
import { parseArgs } from 'node:util';
import { uploadChaos } from './upload-chaos.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: '8' },
  },
});
process.stdout.write(`seed ${values.seed}\n`);
const report = await uploadChaos({
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  clients: Number(values.clients),
  onRound: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
if (report.broken.length > 0 || report.acknowledged === 0) process.exitCode = 1;
