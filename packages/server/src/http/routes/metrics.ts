import { AppError, may } from '@proofhouse/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PrometheusMeter } from '../../metrics/prometheus-meter.ts';
import { authenticate, type AuthenticateParts } from '../authenticate.ts';

/**
 * Adds `/metrics` for Prometheus. The metrics describe the installation, so not every caller may read them. Accepted
 * are a person, the admin, and a worker token that was created for reading metrics.
 */
export function addMetricsRoute(app: FastifyInstance, meter: PrometheusMeter, authentication: AuthenticateParts): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
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
  };
  app.route({ method: ['GET', 'HEAD'], url: '/metrics', handler: answer });
}
