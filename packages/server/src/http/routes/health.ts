import { AppError } from '@proofhouse/core';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../kernel/time/clock.ts';
import type { ClockReport } from '../../kernel/time/clock-watch.ts';

export interface Health {
  /**
   * The checks of the readiness probe, each with the name of what it checks. If a check throws, the server is not
   * ready.
   */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
  readonly clock: Clock;
  /**
   * Returns the clock report that `/readyz` contains. Clock skew or a clock jump does not make the server unready, because
   * all decisions use the time of the store.
   */
  readonly clocks?: () => ClockReport;
}

/**
 * Milliseconds for which a result is cached. Anyone can request a check without a credential, and each check writes to
 * disk and syncs.
 */
const keptMs = 1000;
/** A check that runs longer than this (ms) counts as failed. The next call then starts a new check. */
const patienceMs = 10_000;

/**
 * Adds `/healthz`, which succeeds while the process runs, and `/readyz`, which succeeds if the database and the blobs can
 * be used. Both accept requests without a credential and with any Host.
 */
export function addHealthRoutes(app: FastifyInstance, health: Health): void {
  const readiness = new Readiness(health);
  const { clocks } = health;
  const config = { anyHost: true } as const;
  const method = ['GET', 'HEAD'];
  app.route({
    method,
    url: '/healthz',
    config,
    handler: (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }),
  });
  const answerReadiness = async (request: FastifyRequest, reply: FastifyReply) => {
    const { ready, parts } = await readiness.find(request.log);
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'unavailable', parts, ...(clocks === undefined ? {} : { clock: clocks() }) });
  };
  app.route({ method, url: '/readyz', config, handler: answerReadiness });
}

interface Finding {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, 'ok' | 'unavailable'>>;
}

/**
 * Runs the checks at most once at a time. Concurrent callers share one run. Later callers get its result, a success or
 * a failure, from a cache for one second.
 */
class Readiness {
  readonly #health: Health;
  #looking: Promise<Finding> | undefined;
  #found: { readonly finding: Finding; readonly until: number } | undefined;

  constructor(health: Health) {
    this.#health = health;
  }

  async find(log: FastifyBaseLogger): Promise<Finding> {
    const { clock } = this.#health;
    if (this.#found !== undefined && clock.monotonic() < this.#found.until) return this.#found.finding;
    this.#looking ??= this.#look(log).finally(() => (this.#looking = undefined));
    return await this.#looking;
  }

  async #look(log: FastifyBaseLogger): Promise<Finding> {
    const { checks, clock } = this.#health;
    const names = Object.keys(checks);
    const results = await Promise.allSettled(Object.values(checks).map((check) => inTime(clock, check)));
    const isFine = (index: number): boolean => results[index]?.status === 'fulfilled';
    const parts = Object.fromEntries(
      names.map((name, index) => [name, isFine(index) ? ('ok' as const) : ('unavailable' as const)]),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) log.error({ err: failed.reason as unknown }, 'not ready');
    const finding = { ready: failed === undefined, parts };
    this.#found = { finding, until: clock.monotonic() + keptMs };
    return finding;
  }
}

async function inTime(clock: Clock, check: () => Promise<void>): Promise<void> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(patienceMs, () => {
      reject(new AppError('unavailable', `A check gave no answer for ${String(patienceMs / 1000)} s.`));
    });
  });
  try {
    await Promise.race([check(), late]);
  } finally {
    cancel();
  }
}
