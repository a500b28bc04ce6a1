import type { Command } from '@commander-js/extra-typings';
import { isAppError } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from '../../connected-command.ts';
import { printable } from '../../output/printable.ts';

/** Time limit of one try in milliseconds. The server may hold a claim for 30 s, and sending the answer takes time too. */
const perTryMs = 60_000;

/** Time limit of the first call in milliseconds. It is short, because programs wait only a short time for their tools. */
const firstCallMs = 5000;

const explanation = `
For programs that start their tools as commands. Standard output carries the protocol only. A server can also be
reached directly, at <url>/mcp.
A token that the server refuses ends it at the start. A server that cannot be reached does not: that is said on
standard error, and tools work as soon as it is there.

Example: {"mcpServers":{"proofhouse":{"command":"proofhouse","args":["mcp"],"env":{"PROOFHOUSE_TOKEN":"…"}}}}`;

export function mcp(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .addHelpText('after', explanation)
    .action(async (options) => {
      // The module is loaded here, so that other commands start without the MCP library.
      const { serveTools } = await import('../../mcp/mcp-bridge.ts');
      await requireAccess(context, options);
      await serveTools(clientOf(options, { perTryMs }), { ...context, signal: context.signal() });
    });
}

// Throws if the server refuses the token. A server that cannot be reached is only a warning: programs often start their tools
// before the server is started, and the tools must work without a restart.
async function requireAccess(context: CommandContext, options: ConnectionOptions): Promise<void> {
  try {
    // Every credential may list jobs.
    await clientOf(options, { tries: 2, perTryMs: firstCallMs }).jobs.list({ limit: 1 });
  } catch (error) {
    if (!isAppError(error) || !error.retryable) throw error;
    context.stderr.write(`proofhouse: ${printable(error.message)} Tools fail until then.\n`);
  }
}
