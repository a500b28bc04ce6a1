import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/config.ts';

/** Returns the base URL of a listening server. It includes the base path and has no trailing slash. */
export function serverUrl(config: Config, app: FastifyInstance): string {
  if (config.publicUrl !== undefined) return config.publicUrl.replace(/\/+$/, '');
  const address = app.server.address() as AddressInfo | null;
  return `http://${urlHost(config.host)}:${String(address?.port ?? config.port)}${config.basePath}`;
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
