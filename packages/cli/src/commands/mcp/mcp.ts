import type { Command } from '@commander-js/extra-typings';
import { isAppError } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from '../../connected-command.ts';
import { maskingOf } from '../../input/masking-of.ts';
import { collect } from '../../input/option-values.ts';
import { warnOfShortValues } from '../../output/masking-text.ts';
import { printable } from '../../output/printable.ts';

/** Time limit of one try in milliseconds. The server may hold a claim open for 30 s, and its answer takes time too. */
const perTryMs = 60_000;

/** Time limit of the first call in milliseconds. It is short, because programs wait only a short time for their tools. */
const firstCallMs = 5000;

const explanation = `
For programs that start their tools as commands. Standard output carries the protocol only. A server can also be
reached directly, at <url>/mcp.
A token that the server refuses ends it at the start. A server that cannot be reached does not: that is said on
standard error, and tools work as soon as it is there.

Secrets are masked in the artifacts, events and results that the tools send: values of environment variables whose names
contain PASSWORD, TOKEN, SECRET, API_KEY and the like, the token of the calls, and secrets of known formats. The answer of
an upload says what was masked. A binary file or an archive with a secret is not sent. --no-mask turns that off.

Example: {"mcpServers":{"proofhouse":{"command":"proofhouse","args":["mcp"],"env":{"PROOFHOUSE_TOKEN":"…"}}}}`;

export function mcp(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .option('--no-mask', 'send secrets in clear')
    .option('--secret-file <file>', 'a file whose whole content is a secret (repeatable)', collect)
    .option('--secret-name <glob>', 'more variables that hold secrets, such as "*_PASS" (repeatable)', collect)
    .option('--allow-binary', 'send binary files and archives without a scan for secrets')
    .addHelpText('after', explanation)
    .action(async (options) => {
      // The module is loaded only here, so that other commands do not load the MCP library.
      const { serveTools } = await import('../../mcp/mcp-bridge.ts');
      await requireAccess(context, options);
      const masking = await maskingOf(context, options);
      warnOfShortValues(context, masking.mask);
      await serveTools({ client: clientOf(options, { perTryMs }), masking }, { ...context, signal: context.signal() });
    });
}

// Throws if the server refuses the token. If the server cannot be reached, prints only a warning. Programs often start
// their tools before the server is started, and the tools must then work without a restart.
async function requireAccess(context: CommandContext, options: ConnectionOptions): Promise<void> {
  try {
    // This call needs only a valid credential, because every credential may list jobs.
    await clientOf(options, { tries: 2, perTryMs: firstCallMs }).jobs.list({ limit: 1 });
  } catch (error) {
    if (!isAppError(error) || !error.retryable) throw error;
    context.stderr.write(`proofhouse: ${printable(error.message)} Tools fail until then.\n`);
  }
}
