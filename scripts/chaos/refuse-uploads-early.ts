// Runs the check of early refusals: `node scripts/chaos/refuse-uploads-early.ts`. The environment variable REFUSALS
// sets the number of uploads.
import process from 'node:process';
import { refuseEarly } from './early-refusals.ts';

const report = await refuseEarly({ refusals: Number(process.env['REFUSALS'] ?? '100000'), clients: 8 });
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
const ways = Object.entries(report.ways).map(([name, count]) => `${String(count)} by ${name}`);
process.stdout.write(
  `RESULT\n${String(report.refusals)} uploads refused early (${ways.join(', ')}): ` +
    `${String(report.broken.length)} clients saw something else than the answer.\n`,
);
if (report.broken.length > 0) process.exitCode = 1;
