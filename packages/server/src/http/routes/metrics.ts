import { AppError, may } from '@proofhouse/core';
import type { FastifyInstance } from 'fastify';
import type { PrometheusMeter } from '../../metrics/prometheus-meter.ts';
import { authenticate, type AuthenticateParts } from '../authenticate.ts';

/** `/metrics` for Prometheus. It tells what runs here, so it takes the credential of a person, the admin, or a token made to read it. */
export function addMetricsRoute(app: FastifyInstance, meter: PrometheusMeter, authentication: AuthenticateParts): void {
  app.get('/metrics', async (request, reply) => {
    const principal = await authenticate(request.headers, authentication);
    if (!may(principal, 'metrics.read')) {
      throw new AppError(
        'forbidden',
        "This token may not read the metrics; scrape them with one made by worker token create --read-metrics, or the admin's token.",
      );
    }
    return reply
      .header('content-type', meter.contentType)
      .header('cache-control', 'no-store')
      .send(await meter.text());
  });
}
