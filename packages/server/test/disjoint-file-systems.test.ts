import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ServerProcess } from '../../../scripts/chaos/server-process.ts';

const repository = path.resolve(import.meta.dirname, '../../..');
const experimentId = 'exp_01jd7v6m5x0000000000000000';
const adminToken = 'the-admin-token-of-disjoint-workers';
const asAdminHeaders = { authorization: `Bearer admin:${adminToken}`, 'x-eden-experiment-id': experimentId };

/**
 * A shell script that runs a command in a root file system of its own. The arguments of the script are the command.
 * This root is an empty file system in memory; the system, Node and this checkout are mounted in it read-only. It has
 * no /proc, through which a process could reach the roots of other processes.
 */
const ownRoot = `
set -eu
root=$1 repository=$2 node=$3
shift 3
mount -t tmpfs none "$root"
for folder in usr bin sbin lib lib64 etc; do
  if [ -L "/$folder" ]; then cp -P "/$folder" "$root/$folder"
  elif [ -d "/$folder" ]; then
    mkdir "$root/$folder"
    mount --rbind "/$folder" "$root/$folder"
    mount -o remount,bind,ro "$root/$folder"
  fi
done
mkdir "$root/repository" "$root/node" "$root/tmp" "$root/own" "$root/dev"
mount --rbind "$repository" "$root/repository"
mount -o remount,bind,ro "$root/repository"
mount --bind "$node" "$root/node"
mount -o remount,bind,ro "$root/node"
for device in null urandom; do
  : > "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
cd "$root"
exec chroot "$root" "$@"
`;

const shared = `
set -eu
proofhouse() { "$NODE" "$CLI" "$@"; }
told() { "$NODE" -p "JSON.parse(fs.readFileSync(process.env.PROOFHOUSE_JOB_FILE, 'utf8')).payload.$1"; }
for place in $OUT_OF_REACH; do
  if [ -e "$place" ]; then echo "$place can be reached"; exit 7; fi
done
`;

const produce = `${shared}
head -c 3000000 /dev/urandom > made.bin
echo mine > "$HOME/kept-by-the-producer"
uri=$(proofhouse artifact deposit made.bin)
proofhouse artifact grant "$uri" "$(told reader)"
printf '{"uri":"%s","sha256":"%s"}' "$uri" "$(sha256sum made.bin | cut -d ' ' -f 1)" > "$PROOFHOUSE_OUTPUT_DIR/handed-over.json"
`;

const consume = `${shared}
proofhouse artifact fetch "$(told uri)" -o got.bin
echo "$(told sha256)  got.bin" | sha256sum -c -
`;

let folder: string;
let server: ServerProcess;
let workers: ChildProcess[];

beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'proofhouse-disjoint-')));
  workers = [];
  server = await ServerProcess.mustStart({
    PROOFHOUSE_DATA_DIR: path.join(folder, 'server'),
    PROOFHOUSE_ADMIN_TOKEN: adminToken,
    PROOFHOUSE_EXPERIMENT: experimentId,
  });
});

afterEach(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  await server.kill();
  await rm(folder, { recursive: true, force: true });
});

/**
 * Returns a command that starts another command in its own root file system. Returns undefined if this user may not
 * create mount namespaces.
 */
async function ownRootCommand(): Promise<readonly string[] | undefined> {
  const node = path.dirname(await realpath(process.execPath));
  await mkdir(path.join(folder, 'probe'));
  for (const user of [[], ['--map-root-user']]) {
    const command = ['unshare', '--mount', '--propagation', 'private', ...user, 'sh', '-c', ownRoot, 'own-root'];
    const probe = [path.join(folder, 'probe'), repository, node, 'true'];
    if (spawnSync(command[0]!, [...command.slice(1), ...probe]).status === 0) return command;
  }
  process.stderr.write(
    'WARNING: this user may not make mount namespaces, so the workers below share one file system: what they can ' +
      'reach is not checked. Run the test as root on Linux.\n',
  );
  return undefined;
}

interface RegisteredWorker {
  readonly worker_id: string;
  readonly registration_token: string;
}

interface StartedWorker {
  readonly id: string;
  readonly ended: Promise<{ readonly code: number | null; readonly said: string }>;
}

/** Starts a worker as `proofhouse work` does. The worker runs one job with the given script. */
async function startWorker(
  name: string,
  script: string,
  isolation: readonly string[] | undefined,
  outOfReach: readonly string[] = [],
): Promise<StartedWorker> {
  const root = path.join(folder, name);
  await mkdir(root);
  const { worker_id: id, registration_token: token } = await asAdmin<RegisteredWorker>(
    `/v0/experiments/${experimentId}/workers`,
    { name },
  );
  const inside = isolation !== undefined;
  const node = await realpath(process.execPath);
  const [runtime, checkout, home] = inside
    ? [path.join('/node', path.basename(node)), '/repository', '/own']
    : [node, repository, root];
  const cli = path.join(checkout, 'packages/cli/bin/proofhouse.js');
  const work = [runtime, cli, 'work', '--once', '--capabilities', name, '--pass-token', '--work-folder', '--work-root'];
  const command = [...work, home, '--', 'sh', '-c', script];
  const enter = inside ? [...isolation, root, repository, path.dirname(node)] : [];
  const [program, ...args] = [...enter, ...command];
  const child = spawn(program!, args, {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      NODE: runtime,
      CLI: cli,
      OUT_OF_REACH: inside ? [path.join(folder, 'server'), folder, ...outOfReach].join(' ') : '',
      PROOFHOUSE_URL: server.url,
      PROOFHOUSE_EXPERIMENT: experimentId,
      PROOFHOUSE_TOKEN: `${id}:${token}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  workers.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, said }));
  return { id, ended };
}

async function asAdmin<Answer>(place: string, body?: unknown): Promise<Answer> {
  return (await server.json(place, body, asAdminHeaders)) as Answer;
}

async function artifactText(jobId: string, name: string): Promise<string> {
  const artifacts = `/api/queue/jobs/${jobId}/artifacts`;
  const { items } = await asAdmin<{ items: { id: string }[] }>(`${artifacts}?name=${name}`);
  const [newest] = items;
  if (newest === undefined) return '';
  return (await server.fetch(`${artifacts}/${newest.id}/download`, { headers: asAdminHeaders })).text();
}

function newJob(capability: string, payload: object): Promise<{ readonly id: string }> {
  return asAdmin('/api/queue/jobs', { type: 'exec', requiredCapabilities: [capability], payload });
}

it('two workers with disjoint file systems hand work to each other through the server alone', async () => {
  const isolation = await ownRootCommand();
  const producer = await startWorker('producer', produce, isolation);
  const consumer = await startWorker('consumer', consume, isolation, ['/own/kept-by-the-producer']);
  const first = await newJob('producer', { reader: consumer.id });
  const produced = await producer.ended;
  expect(produced, produced.said + (await artifactText(first.id, 'log.log'))).toMatchObject({ code: 0 });
  const handedOver = JSON.parse(await artifactText(first.id, 'handed-over.json')) as { uri: string; sha256: string };
  expect(handedOver.uri).toMatch(/^proofhouse:\/\/artifacts\/[\w-]{22,}$/);

  const second = await newJob('consumer', handedOver);
  const consumed = await consumer.ended;
  expect(consumed, await artifactText(second.id, 'log.log')).toMatchObject({ code: 0 });
  expect(await artifactText(second.id, 'log.log')).toContain('got.bin: OK');
  const artifacts = `/api/artifacts?experimentId=${experimentId}`;
  expect((await asAdmin<{ artifacts: unknown[] }>(artifacts)).artifacts).toMatchObject([
    { uri: handedOver.uri, createdBy: producer.id },
  ]);
  // The files of the workers were in their own root file systems, which no longer exist. So the folders are empty here.
  if (isolation !== undefined) {
    expect(await readdir(path.join(folder, 'producer'))).toEqual([]);
    expect(await readdir(path.join(folder, 'consumer'))).toEqual([]);
  }
}, 120_000);
