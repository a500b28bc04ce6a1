// Starts the measured servers. Each server has its own process, and all use the same disk.
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import type { LoadOrder } from './load-generator.ts';
import type { LoadProcess } from './load-process.ts';
import { startProcess, type RunningProcess } from './start-process.ts';

type Order = Omit<LoadOrder, 'connections' | 'requests' | 'forMs'>;

export interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly upload: (bytes: number) => Order;
  readonly uploadForm?: (bytes: number) => Order;
  /**
   * Returns the order for downloading the stored file of `bytes` bytes. Undefined if downloads of this server are not
   * measured.
   */
  readonly download?: (bytes: number) => Order;
  readonly stop: () => Promise<void>;
}

export type StartContender = (folder: string, load: LoadProcess, sizes: readonly number[]) => Promise<Contender>;

export const adminToken = 'bench-admin-token-of-forty-characters-00';
const authorization = { authorization: `Bearer ${adminToken}` };

export interface ProofhouseProcess extends RunningProcess {
  readonly jobId: string;
}

/**
 * Starts Proofhouse with its default configuration (SQLite, files in a folder, all writes durable). Creates one job, to
 * which the uploads go.
 */
export async function startProofhouse(folder: string, env: Record<string, string> = {}): Promise<ProofhouseProcess> {
  const running = await startProcess({
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'servers/proofhouse.ts')],
    env: {
      PROOFHOUSE_PORT: '0',
      PROOFHOUSE_DATA_DIR: folder,
      PROOFHOUSE_ADMIN_TOKEN: adminToken,
      PROOFHOUSE_LOG_LEVEL: 'warn',
      ...env,
    },
  });
  const response = await fetch(`http://127.0.0.1:${String(running.port)}/api/queue/jobs`, {
    method: 'POST',
    headers: { ...authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'exec', payload: { command: 'true' } }),
  });
  const job = (await response.json()) as { id?: string };
  if (job.id === undefined) throw new Error(`No job was made: ${JSON.stringify(job)}`);
  return { ...running, jobId: job.id };
}

export function proofhouseOrders({ port, jobId }: ProofhouseProcess) {
  const base = `/api/queue/jobs/${jobId}/artifacts`;
  const common = { port, headers: authorization };
  return {
    upload: (bodyBytes: number): Order => ({ ...common, method: 'PUT', path: `${base}/put-{n}`, bodyBytes }),
    uploadForm: (bodyBytes: number): Order => ({
      ...common,
      method: 'POST',
      path: `${base}/upload`,
      form: true,
      bodyBytes,
    }),
    download: (id: string, expectedBytes: number): Order => ({
      ...common,
      method: 'GET',
      path: `${base}/${id}/download`,
      expectedBytes,
    }),
  };
}

export const proofhouse: StartContender = async (folder, load, sizes) => {
  const running = await startProofhouse(folder);
  const orders = proofhouseOrders(running);
  const ids = new Map<number, string>();
  for (const size of sizes) {
    const { lastBody } = await load.run({ ...orders.upload(size), connections: 1, requests: 1 });
    ids.set(size, (JSON.parse(lastBody) as { id: string }).id);
  }
  return {
    name: 'proofhouse',
    pid: running.pid,
    upload: orders.upload,
    uploadForm: orders.uploadForm,
    download: (size) => orders.download(ids.get(size) ?? '', size),
    stop: running.stop,
  };
};

export const bare: StartContender = async (folder, load, sizes) => {
  await mkdir(folder, { recursive: true });
  const running = await startProcess({
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'servers/bare.ts'), folder],
  });
  const { port } = running;
  for (const bodyBytes of sizes) {
    const path = `/sample-${String(bodyBytes)}`;
    await load.run({ port, method: 'PUT', path, bodyBytes, connections: 1, requests: 1 });
  }
  return {
    name: 'bare node:http',
    pid: running.pid,
    upload: (bodyBytes) => ({ port, method: 'PUT', path: '/put-{n}', bodyBytes }),
    download: (size) => ({ port, method: 'GET', path: `/sample-${String(size)}`, expectedBytes: size }),
    stop: running.stop,
  };
};

/** Uploads a file with the tus protocol. One request creates and fills the file, because tus has no faster way. */
export const tus: StartContender = async (folder) => {
  await mkdir(folder, { recursive: true });
  const running = await startProcess({
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'servers/tus.ts'), folder],
  });
  const headers = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' };
  return {
    name: '@tus/server',
    pid: running.pid,
    upload: (bodyBytes) => ({
      port: running.port,
      method: 'POST',
      path: '/files',
      headers: { ...headers, 'upload-length': String(bodyBytes) },
      bodyBytes,
    }),
    stop: running.stop,
  };
};

export const nginx: StartContender = async (folder, load, sizes) => {
  const files = path.join(folder, 'files');
  await mkdir(files, { recursive: true });
  const port = await freePort();
  const config = path.join(folder, 'nginx.conf');
  await writeFile(config, nginxConfig(folder, files, port));
  const running = await startProcess({
    command: 'sh',
    args: ['-c', `echo port=${String(port)}; exec nginx -e "$1/error.log" -c "$2"`, 'sh', folder, config],
  });
  await untilListening(port);
  for (const bodyBytes of sizes) {
    const path = `/sample-${String(bodyBytes)}`;
    await load.run({ port, method: 'PUT', path, bodyBytes, connections: 1, requests: 1 });
  }
  return {
    name: 'nginx',
    pid: running.pid,
    upload: (bodyBytes) => ({ port, method: 'PUT', path: '/put-{n}', bodyBytes }),
    download: (size) => ({ port, method: 'GET', path: `/sample-${String(size)}`, expectedBytes: size }),
    stop: running.stop,
  };
};

// Configures nginx with one worker process, because Proofhouse also has one process. This nginx neither hashes the bytes
// nor syncs them to disk.
function nginxConfig(folder: string, files: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder}/${name};`)
    .join('\n');
  return `daemon off;
user ${process.getuid?.() === 0 ? 'root' : 'nobody'};
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
${temporary}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_buffer_size 1m;
  server {
    listen 127.0.0.1:${String(port)};
    root ${files};
    location / { dav_methods PUT; create_full_put_path on; }
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const answered = await fetch(`http://127.0.0.1:${String(port)}/`).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await sleep(100);
  }
  throw new Error('nginx did not start.');
}
