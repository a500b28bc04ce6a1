import type { Principal } from '@proofhouse/core';
import type { JsonHandlers } from '../calls/operation-call.ts';
import type { JobUploads } from '../artifacts/job-uploads.ts';
import type { Ids } from '../kernel/ids.ts';

/** Dependencies of the MCP door: the HTTP handlers, and the parts of its own upload. */
export interface McpParts {
  readonly handlers: JsonHandlers;
  readonly jobUploads: JobUploads;
  readonly ids: Ids;
  /** Base URL of the server without a trailing slash, for requests that an answer tells the caller to send. */
  readonly baseUrl: () => string;
}

/** Caller of a tool, and the signals that end the call. */
export interface ToolCaller {
  readonly principal: Principal;
  readonly software: string | undefined;
  readonly signal: AbortSignal;
  readonly waitSignal: AbortSignal;
  /** Throws when the credential no longer holds. */
  readonly reauthenticate: () => Promise<void>;
}
