import type { FastifyInstance } from 'fastify';
import { openApiDocument } from '../openapi/openapi.ts';
import { apiPage } from '../pages/api-page.ts';
import { homePage } from '../pages/home-page.ts';

const method = ['GET', 'HEAD'];

/** Adds `/`, the home page. */
export function addPageRoutes(app: FastifyInstance): void {
  const page = homePage();
  app.route({ method, url: '/', handler: (_request, reply) => reply.headers(page.headers).send(page.html) });
}

/**
 * Adds `/api/openapi.json`, and `/api/docs`, which shows the same document as a page. Both describe the software and
 * contain no data, so they need no credential.
 */
export function addDocsRoutes(app: FastifyInstance): void {
  const document = openApiDocument(app.prefix);
  const page = apiPage(document);
  app.route({
    method,
    url: '/api/openapi.json',
    handler: (_request, reply) => reply.header('cache-control', 'no-cache').send(document),
  });
  app.route({ method, url: '/api/docs', handler: (_request, reply) => reply.headers(page.headers).send(page.html) });
}
