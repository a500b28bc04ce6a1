import type { Principal } from '@proofhouse/core';
import type { JsonHandlers } from '../calls/operation-call.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';
import type { Ids } from '../kernel/ids.ts';

/** What the MCP door stands on: the handlers of HTTP, and what its own upload needs. */
export interface McpParts {
  readonly handlers: JsonHandlers;
  readonly artifacts: Artifacts;
  readonly ids: Ids;
  /** Where the server is reached, without a slash at the end: for requests that a caller is told to make. */
  readonly baseUrl: () => string;
}

/** Who calls a tool, and until when. */
export interface ToolCaller {
  readonly principal: Principal;
  readonly software: string | undefined;
  readonly signal: AbortSignal;
  readonly waitSignal: AbortSignal;
  /** Throws when the credential no longer holds. */
  readonly reauthenticate: () => Promise<void>;
}
