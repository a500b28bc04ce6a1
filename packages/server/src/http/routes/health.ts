import { AppError } from '@proofhouse/core';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../kernel/time/clock.ts';
import type { ClockReport } from '../../kernel/time/clock-watch.ts';

export interface Health {
  /** The dependencies of requests, by name; a check that throws makes the server not ready. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
  readonly clock: Clock;
  /** Shown by `/readyz`. Neither skew nor a jump makes a server unready, because the store's time decides. */
  readonly clocks?: () => ClockReport;
}

/** A check writes and syncs, and needs no credential: its result is cached for one second. */
const keptMs = 1000;
/** A check that takes longer has failed; the next call starts a new one. */
const patienceMs = 10_000;

/**
 * `/healthz`: the process runs. `/readyz`: database and blobs can be used. Both without a credential, and under any Host.
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

/** One check at a time, shared by all callers until a second after it; a failure is cached no longer. */
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
