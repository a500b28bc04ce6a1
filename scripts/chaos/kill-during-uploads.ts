// Kills a server during uploads: `npm run chaos:uploads -- [--rounds 200] [--seed n] [--clients 8]`. The environment
// variable CHAOS_ROUNDS also sets the number of rounds.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { uploadChaos } from './upload-chaos.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: process.env['CHAOS_ROUNDS'] ?? '200' },
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
const { rounds, begun, acknowledged, compared, broken } = report;
process.stdout.write(
  `RESULT\nSeed ${values.seed}: ${String(rounds)} kills, ${String(begun)} uploads begun, ${String(acknowledged)} acknowledged, ` +
    `${String(compared)} downloads compared, ${String(broken.length)} broken promises.\n`,
);
if (broken.length > 0 || acknowledged === 0) process.exitCode = 1;
