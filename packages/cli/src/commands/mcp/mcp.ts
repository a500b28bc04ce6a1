import type { Command } from '@commander-js/extra-typings';
import { isAppError } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from '../../connected-command.ts';
import { printable } from '../../output/printable.ts';

/** A claim may wait 30 s at the server, and its answer takes time too. */
const perTryMs = 60_000;

/** Programs that start tools wait only a short time for them. */
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
      // Loaded when it is used, so that other commands start without the protocol's library.
      const { serveTools } = await import('../../mcp/mcp-bridge.ts');
      await requireAccess(context, options);
      await serveTools(clientOf(options, { perTryMs }), { ...context, signal: context.signal() });
    });
}

// Programs often start their tools before the server, and must not have to restart them.
async function requireAccess(context: CommandContext, options: ConnectionOptions): Promise<void> {
  try {
    // Every credential may list jobs.
    await clientOf(options, { tries: 2, perTryMs: firstCallMs }).jobs.list({ limit: 1 });
  } catch (error) {
    if (!isAppError(error) || !error.retryable) throw error;
    context.stderr.write(`proofhouse: ${printable(error.message)} Tools fail until then.\n`);
  }
}
