import { AppError, isAppError, visibleText } from '@proofhouse/core';
import type { AddressInfo } from 'node:net';
import { compose, type Server } from './compose/compose.ts';
import { lossesAtRestart } from './config/lasting-storage.ts';
import { loadConfig, type ConfigSources } from './config/load-config.ts';
import { makeLogger } from './kernel/logger.ts';
import { serverUrl } from './compose/server-url.ts';

export interface RunOptions extends ConfigSources {
  readonly stdout?: NodeJS.WritableStream;
  readonly stderr?: NodeJS.WritableStream;
  /** Aborting stops the server like SIGTERM. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a server until it is stopped. When the server is ready, it writes one line to standard output:
 * `PROOFHOUSE_LISTENING host=… port=…`. All other output goes to standard error. Returns the exit code of the process:
 * 0 after a requested stop, the exit code of the error in the error table, or 1 for other errors.
 */
export async function runServer(options: RunOptions): Promise<number> {
  const stdout = options.stdout ?? process.stdout;
  const stderr = options.stderr ?? process.stderr;
  let server: Server | undefined;
  try {
    const config = loadConfig(options);
    server = await compose(config, { logger: makeLogger(config.logLevel, stderr) });
    if (config.experiment !== undefined) await server.experiments.ensure(config.experiment);
    const port = await listen(server);
    const { code } = await server.signIn.newCode({ kind: 'admin' });
    stderr.write(greeting(server, code));
    stdout.write(`PROOFHOUSE_LISTENING host=${config.host} port=${String(port)}\n`);
  } catch (error) {
    await server?.close();
    // The store contains only the hash of the admin token, so a later start cannot show the token again.
    const made = server?.adminToken.made;
    const token = made === undefined ? '' : ` The store was made; its admin token, shown only now: ${made}`;
    stderr.write(visibleText(`proofhouse: ${startFailure(error)}${token}\n`));
    return isAppError(error) ? error.exitCode : 1;
  }
  await stopRequest(options.signal);
  return stop(server, stderr);
}

async function listen({ app, config }: Server): Promise<number> {
  const { host, port } = config;
  await app.listen({ host, port }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const message = `${host}:${String(port)} is taken; choose another port with --port (0 picks a free one).`;
    throw new AppError('unavailable', message, { cause: error });
  });
  return (app.server.address() as AddressInfo).port;
}

/**
 * Stops the server and returns the exit code. Requests in progress have `shutdownMs` to finish. After that time, or
 * after a second signal, their connections are closed.
 */
async function stop(server: Server, stderr: NodeJS.WritableStream): Promise<number> {
  const { shutdownMs } = server.config;
  stderr.write(`proofhouse: stopping; running transfers have ${String(shutdownMs / 1000)} s to finish.\n`);
  const cutOff = setTimeout(() => {
    server.app.server.closeAllConnections();
  }, shutdownMs);
  void stopRequest(undefined).then(() => {
    server.app.server.closeAllConnections();
  });
  try {
    await server.close();
    return 0;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    stderr.write(visibleText(`proofhouse: the server did not stop cleanly: ${why}\n`));
    return 1;
  } finally {
    clearTimeout(cutOff);
  }
}

function stopRequest(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((settle) => {
    const done = (): void => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, done);
      signal?.removeEventListener('abort', done);
      settle();
    };
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, done);
    signal?.addEventListener('abort', done);
    if (signal?.aborted === true) done();
  });
}

function startFailure(error: unknown): string {
  if (isAppError(error)) return error.message;
  const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const where = `${String(address)}:${String(port)}`;
  if (code === 'EACCES') return `${where} may not be bound by this user; choose a port above 1023.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${where} is no address of this machine (PROOFHOUSE_HOST).`;
  return `the server could not start: ${message}`;
}

function greeting(server: Server, signInCode: string): string {
  const { config, adminToken } = server;
  const url = serverUrl(config, server.app);
  const lines = [`Proofhouse is listening on ${url}`, ...warnings(server)];
  if (adminToken.made !== undefined) {
    lines.push('', 'The admin token, shown only now (keep it):', `  ${adminToken.made}`);
  }
  lines.push(
    '',
    'Sign in to the page (once, within ten minutes; `proofhouse sign-in-link` makes another link):',
    `  ${url}/#code=${signInCode}`,
    '',
    `Read:  ${url}/api/docs`,
    `Try:   export PROOFHOUSE_URL=${url} PROOFHOUSE_TOKEN=<the admin token>`,
    `       npx proofhouse job create --type exec && npx proofhouse job list`,
    '',
  );
  return lines.map((line) => `${line}\n`).join('');
}

function warnings({ config, store, blobs }: Pick<Server, 'config' | 'store' | 'blobs'>): string[] {
  return [
    ...lossesAtRestart({ database: store.durable, blobs: blobs.supports.durable }),
    ...(config.authRequired ? [] : ['authentication is disabled: whoever reaches this address is the admin.']),
  ].map((warning) => `WARNING: ${warning}`);
}
