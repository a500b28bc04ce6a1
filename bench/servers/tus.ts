// Runs @tus/server, a common upload server for Node, with the set-up of its README.
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

const server = new Server({ path: '/files', datastore: new FileStore({ directory: process.argv[2] ?? '' }) });
const listening = server.listen({ host: '127.0.0.1', port: 0 }, () => {
  process.stdout.write(`LISTENING port=${String((listening.address() as AddressInfo).port)}\n`);
});
