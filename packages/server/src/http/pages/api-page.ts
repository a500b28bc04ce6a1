import type { OpenApiDocument } from '../openapi/openapi.ts';
import { escapeHtml, pageShell, type Page } from './page-shell.ts';

interface Shown {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema?: unknown }[];
  readonly requestBody?: { required?: boolean; content: Record<string, { schema?: unknown }> };
  readonly responses: Record<string, { description: string; content?: Record<string, { schema?: unknown }> }>;
}

/** Returns the page that shows the OpenAPI document. The page has no script and loads nothing from other hosts. */
export function apiPage(document: OpenApiDocument): Page {
  const groups = new Map<string, string[]>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(item as Record<string, Shown>)) {
      const tag = operation.tags?.[0] ?? 'other';
      groups.set(tag, [...(groups.get(tag) ?? []), operationHtml(method.toUpperCase(), path, operation)]);
    }
  }
  const body = [...groups].map(([tag, shown]) => `<h2>${escapeHtml(tag)}</h2>${shown.join('')}`).join('');
  const schemas = Object.entries(document.components?.schemas ?? {});
  const named = schemas.map(([name, schema]) => schemaHtml(name, schema)).join('');
  return pageShell(
    'Proofhouse API',
    `<h1>Proofhouse API</h1><p class="soft">${escapeHtml(document.info.description ?? '')}
The same as <a href="openapi.json">OpenAPI</a>. Send <code>Authorization: Bearer &lt;token&gt;</code>.</p>
${body}<h2>Schemas</h2>${named}`,
  );
}

function operationHtml(method: string, path: string, operation: Shown): string {
  const parameters = (operation.parameters ?? [])
    .map(
      (one) =>
        `<tr><td><code>${escapeHtml(one.name)}</code></td><td>${escapeHtml(one.in)}${one.required === true ? ', required' : ''}</td><td>${inline(one.schema)}</td></tr>`,
    )
    .join('');
  const bodies = Object.entries(operation.requestBody?.content ?? {})
    .map(
      ([type, media]) =>
        `<p>Body <code>${escapeHtml(type)}</code>${operation.requestBody?.required === true ? ', required' : ''}: ${inline(media.schema)}</p>`,
    )
    .join('');
  const responses = Object.entries(operation.responses)
    .map(
      ([status, answer]) =>
        `<tr><td><code>${status}</code></td><td>${Object.keys(answer.content ?? {})
          .map(escapeHtml)
          .join(', ')}</td><td>${escapeHtml(answer.description)
          .replaceAll('\n\n', '<br>')
          .replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</td></tr>`,
    )
    .join('');
  return `<details><summary><span class="method">${method}</span><code>${escapeHtml(path)}</code><span class="soft">${escapeHtml(operation.summary ?? '')}</span></summary>
<div class="inside"><p>${escapeHtml(operation.description ?? '')}</p>
${parameters === '' ? '' : `<table><tr><th>Parameter</th><th>In</th><th>Shape</th></tr>${parameters}</table>`}${bodies}
<table><tr><th>Status</th><th>Type</th><th>Means</th></tr>${responses}</table></div></details>`;
}

function schemaHtml(name: string, schema: unknown): string {
  const json = escapeHtml(JSON.stringify(schema, null, 2));
  return `<details><summary><code>${escapeHtml(name)}</code></summary><div class="inside"><pre><code>${json}</code></pre></div></details>`;
}

function inline(schema: unknown): string {
  return `<code>${escapeHtml(JSON.stringify(schema ?? {}).replaceAll('#/components/schemas/', ''))}</code>`;
}
