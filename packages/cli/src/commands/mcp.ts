import type { CommandContext } from '../command-context.ts';
import { clientOf, connectedCommand } from '../connected-command.ts';

/** A claim may wait 30 s at the server, and its answer takes its time too. */
const perTryMs = 60_000;

const explanation = `
For programs that start their tools as commands. Standard output carries the protocol only. A server can also be
reached directly, at <url>/mcp.

Example: {"mcpServers":{"proofhouse":{"command":"proofhouse","args":["mcp"],"env":{"PROOFHOUSE_TOKEN":"…"}}}}`;

export function mcp(context: CommandContext) {
  return connectedCommand('mcp')
    .description('Offer the queue and its artifacts as MCP tools on standard input and output')
    .addHelpText('after', explanation)
    .action(async (options) => {
      // Loaded when it is used: every other command starts without the protocol's library.
      const { serveTools } = await import('../mcp-bridge.ts');
      await serveTools(clientOf(options, { perTryMs }), { ...context, signal: context.signal() });
    });
}
