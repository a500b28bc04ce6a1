import type { Principal } from '@proofhouse/core';
import type { JsonHandlers } from '../calls/operation-call.ts';
import type { JobUploads } from '../artifacts/job-uploads.ts';
import type { Ids } from '../kernel/ids.ts';

/** What the MCP server needs: the handlers of the HTTP routes, and the services of the upload tool. */
export interface McpParts {
  readonly handlers: JsonHandlers;
  readonly jobUploads: JobUploads;
  readonly ids: Ids;
  /**
   * Returns the base URL of the server without a trailing slash. Answers of the upload tool contain URLs that begin
   * with it.
   */
  readonly baseUrl: () => string;
}

/** The caller of a tool, and the signals of the call. The fields have the same meaning as in `OperationCall`. */
export interface ToolCaller {
  readonly principal: Principal;
  readonly software: string | undefined;
  readonly remote: string | undefined;
  readonly signal: AbortSignal;
  readonly waitSignal: AbortSignal;
  /** Throws when the credential is no longer valid. */
  readonly reauthenticate: () => Promise<void>;
}
