// A minimal durable upload server in Node. It hashes the bytes, writes them to a temporary file, syncs and renames the
// file, and syncs the folder. The difference between Proofhouse and this server is the time for records, checks and
// names.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { pipeline } from 'node:stream/promises';

const root = process.argv[2] ?? '';
const folder = await open(root, 'r');
const batchBytes = 1024 * 1024;
let uploads = 0;

async function writeAll(file: FileHandle, batch: Buffer[]): Promise<void> {
  let left = batch;
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left);
    const rest = Buffer.concat(left).subarray(bytesWritten);
    left = bytesWritten === size(left) ? [] : [rest];
  }
}

function size(batch: readonly Buffer[]): number {
  return batch.reduce((sum, chunk) => sum + chunk.length, 0);
}

async function put(request: IncomingMessage, response: ServerResponse, place: string): Promise<void> {
  uploads += 1;
  const aside = `${place}.${String(uploads)}.new`;
  const file = await open(aside, 'wx', 0o440);
  const hash = createHash('sha256');
  let batch: Buffer[] = [];
  let gathered = 0;
  let flight = Promise.resolve();
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    batch.push(chunk);
    gathered += chunk.length;
    if (gathered < batchBytes) continue;
    await flight;
    flight = writeAll(file, batch);
    batch = [];
    gathered = 0;
  }
  await flight;
  if (gathered > 0) await writeAll(file, batch);
  await file.sync();
  await file.close();
  await rename(aside, place);
  await folder.sync();
  const body = JSON.stringify({ sha256: hash.digest('hex') });
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}

async function get(response: ServerResponse, place: string): Promise<void> {
  const { size: length } = await stat(place);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': length });
  if (length <= 256 * 1024) response.end(await readFile(place));
  else await pipeline(createReadStream(place, { highWaterMark: batchBytes }), response);
}

const server = createServer((request, response) => {
  const place = path.join(root, path.basename(request.url ?? ''));
  const work = request.method === 'PUT' ? put(request, response, place) : get(response, place);
  work.catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`LISTENING port=${String((server.address() as AddressInfo).port)}\n`);
});
