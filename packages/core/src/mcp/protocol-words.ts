/** Largest number of validation issues in one error message. */
const mostIssues = 3;

/**
 * Returns the message of a JSON-RPC error as one line. Some messages of the MCP SDK end with a list of validation
 * errors as JSON. Each of these becomes `<path>: expected <what>`.
 */
export function plainProtocolError(message: string): string {
  const at = message.search(/\[\s*\{/);
  if (at === -1) return message.split('\n', 1)[0] ?? '';
  const intro = message.slice(0, at).replace(/[:\s]+$/, '') || 'Invalid params';
  const issues = issuesOf(message.slice(at));
  return issues.length === 0 ? `${intro}.` : `${intro}: ${issues.slice(0, mostIssues).join('; ')}.`;
}

/** Returns a JSON-RPC message. If it is an error, its text is changed to one line (see `plainProtocolError`). */
export function withPlainError<Message extends object>(message: Message): Message {
  const { error } = message as { readonly error?: { readonly message?: unknown } };
  if (typeof error?.message !== 'string') return message;
  return { ...message, error: { ...error, message: plainProtocolError(error.message) } };
}

function issuesOf(dump: string): string[] {
  try {
    return (JSON.parse(dump) as { path?: unknown; expected?: unknown }[]).map(
      ({ path, expected }) =>
        `${Array.isArray(path) ? path.map(String).join('.') : 'message'}: ` +
        (typeof expected === 'string' ? `expected ${expected}` : 'is not valid'),
    );
  } catch {
    return [];
  }
}
