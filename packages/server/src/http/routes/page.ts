import type { FastifyInstance } from 'fastify';
import { homePage } from '../pages/home-page.ts';

/** `/`: what this server is and where to go from here. */
export function addPageRoutes(app: FastifyInstance): void {
  const page = homePage();
  app.get('/', (_request, reply) => reply.headers(page.headers).send(page.html));
}
