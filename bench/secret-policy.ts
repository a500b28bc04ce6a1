// Measures how much slower the secret policy makes uploads. In one run, text is uploaded with the policies off, flag
// and reject in turn. Meanwhile the duration of `/healthz` is measured.
//
//     npm run bench:secret-policy -- [--rounds 5]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { HealthProbe } from '../scripts/soak/probe-health.ts';
import { proofhouseOrders, startProofhouse, type ProofhouseProcess } from './contenders.ts';
import { LoadProcess } from './load-process.ts';
import { percentile } from './queue/samples.ts';
import { median } from './transfer-report.ts';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const mib = 1024 * 1024;
const policies = ['off', 'flag', 'reject'] as const;
type Policy = (typeof policies)[number];

interface Workload {
  readonly name: string;
  /** The aim: the rate with the policy flag, divided by the rate with the policy off, must be at least this value. */
  readonly aim: number;
  readonly bodyBytes: number;
  readonly connections: number;
  readonly amount: { readonly requests: number } | { readonly forMs: number };
}

const workloads: readonly Workload[] = [
  { name: 'PUT 64 MiB, MiB/s', aim: 0.8, bodyBytes: 64 * mib, connections: 1, amount: { requests: 4 } },
  { name: 'PUT 4 KiB at 16, /s', aim: 0.9, bodyBytes: 4096, connections: 16, amount: { forMs: 2000 } },
];
const mostHealthMs = 50;

const rates = new Map<string, number[]>();
const health = new Map<string, number[]>();

async function sample(load: LoadProcess, server: ProofhouseProcess, policy: Policy, work: Workload): Promise<void> {
  spawnSync('sync');
  const probe = HealthProbe.start(`http://127.0.0.1:${String(server.port)}/healthz`);
  const { upload } = proofhouseOrders(server);
  const { connections, amount, bodyBytes } = work;
  const result = await load.run({ ...upload(bodyBytes), text: true, connections, ...amount });
  const [, ...times] = await probe.stop();
  const count = bodyBytes >= mib ? result.bytes / mib : result.requests;
  const key = `${work.name}|${policy}`;
  rates.set(key, [...(rates.get(key) ?? []), (count * 1000) / result.ms]);
  health.set(key, [...(health.get(key) ?? []), ...times]);
}

function report(): string {
  const lines = ['| upload of text | off | flag | reject | health p99, ms |', '| --- | ---: | ---: | ---: | ---: |'];
  for (const { name, aim } of workloads) {
    const [off = 0, flag = 0, reject = 0] = policies.map((policy) => median(rates.get(`${name}|${policy}`) ?? []));
    const p99s = policies.map((policy) => percentile(health.get(`${name}|${policy}`) ?? [], 0.99));
    const cells = [flag, reject].map((rate) => `${rate.toFixed(0)} (${(rate / off).toFixed(2)}x)`);
    lines.push(`| ${[name, off.toFixed(0), ...cells, p99s.map((ms) => ms.toFixed(1)).join(' / ')].join(' | ')} |`);
    if (flag < off * aim || (p99s[1] ?? 0) >= mostHealthMs) process.exitCode = 1;
  }
  return lines.join('\n');
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'proofhouse-policy-'));
const load = new LoadProcess();
const servers: ProofhouseProcess[] = [];
try {
  for (const policy of policies) {
    servers.push(await startProofhouse(path.join(folder, policy), { PROOFHOUSE_SECRET_POLICY: policy }));
  }
  // Round 0 is not counted, because code and threads are still warming up.
  for (let round = 0; round <= Number(options.rounds); round += 1) {
    if (round === 1) [rates, health].forEach((samples) => samples.clear());
    for (const work of workloads) {
      // Each policy is measured first, second and last in turn, because the disk is still busy after an upload.
      for (let turn = 0; turn < policies.length; turn += 1) {
        const index = (turn + round) % policies.length;
        const [policy, server] = [policies[index], servers[index]];
        if (policy !== undefined && server !== undefined) await sample(load, server, policy, work);
      }
    }
  }
  process.stdout.write(`${report()}\n`);
} finally {
  await Promise.all([...servers.map((server) => server.stop()), load.stop()]);
  rmSync(folder, { recursive: true, force: true });
}
