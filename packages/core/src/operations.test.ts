import { describe, expect, it } from 'vitest';
import type { Operation, Repeatable } from './operation.ts';
import { operationIds, operations } from './operations.ts';

const rows: readonly (readonly [string, Operation])[] = operationIds.map((id) => [id, operations[id]]);
const writesThatAre = (repeatable: Repeatable): string[] =>
  rows.flatMap(([id, row]) => (row.method !== 'GET' && row.repeatable === repeatable ? [id] : []));

describe('the operations table', () => {
  it('lets a client repeat every read', () => {
    expect(rows.filter(([, row]) => row.method === 'GET' && row.repeatable !== 'by-nature')).toEqual([]);
  });

  it('names the writes that a client may repeat, and why', () => {
    expect(writesThatAre('by-nature')).toEqual(['cancelJob', 'cancelJobs', 'collectStorage', 'verifyStorage']);
    expect(writesThatAre('by-key')).toEqual([
      'createJob',
      'createJobs',
      'claimJob',
      'appendEvents',
      'uploadArtifact',
      'putArtifact',
      'registerArtifact',
      'uploadStandaloneArtifact',
      'depositArtifact',
    ]);
    expect(writesThatAre('by-lease')).toEqual(['heartbeatJob', 'completeJob', 'failJob', 'completeJobs', 'ackCancel']);
  });

  it('has one row for a method and path, and one for the name of a tool', () => {
    const places = rows.map(([, { method, path }]) => `${method} ${path}`);
    const tools = rows.flatMap(([, { mcp }]) => (mcp === undefined ? [] : [mcp.tool]));
    expect(new Set(places).size).toBe(places.length);
    expect(new Set(tools).size).toBe(tools.length);
  });
});
