import type { FastifyInstance } from 'fastify';
import { openApiDocument } from '../openapi/openapi.ts';
import { apiPage } from '../pages/api-page.ts';
import { homePage } from '../pages/home-page.ts';

/** `/`: the page that describes this server and links to its documentation. */
export function addPageRoutes(app: FastifyInstance): void {
  const page = homePage();
  app.get('/', (_request, reply) => reply.headers(page.headers).send(page.html));
}

/** `/api/openapi.json` and, for people, `/api/docs`. Both describe the software, so neither needs a credential. */
export function addDocsRoutes(app: FastifyInstance): void {
  const document = openApiDocument(app.prefix);
  const page = apiPage(document);
  app.get('/api/openapi.json', (_request, reply) => reply.header('cache-control', 'no-cache').send(document));
  app.get('/api/docs', (_request, reply) => reply.headers(page.headers).send(page.html));
}
