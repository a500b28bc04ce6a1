import type { FastifyInstance } from 'fastify';

export interface Health {
  /** Each part that requests need, by name; a check that throws makes the server not ready. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
}

/** `/healthz`: the process lives. `/readyz`: store and blobs can be reached. Both without a credential. */
export function addHealthRoutes(app: FastifyInstance, health: Health): void {
  app.get('/healthz', (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  app.get('/readyz', async (request, reply) => {
    const names = Object.keys(health.checks);
    const results = await Promise.allSettled(Object.values(health.checks).map((check) => check()));
    const parts = Object.fromEntries(
      names.map((name, index) => [name, results[index]?.status === 'fulfilled' ? 'ok' : 'unavailable']),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) request.log.error({ err: failed.reason as unknown }, 'not ready');
    return reply
      .code(failed === undefined ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: failed === undefined ? 'ready' : 'unavailable', parts });
  });
}
