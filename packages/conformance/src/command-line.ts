import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { groups, queueGroups, type Group } from './requirement.ts';
import type { Target } from './server-under-test.ts';

export const usage = `Usage: proofhouse-conformance --url <base URL> --admin-token <token> --experiment <exp_…> [options]

  --url <URL>                 the server, with its base path when it has one
  --admin-token <token>       the admin's token
  --admin-token-file <file>   the same, kept out of the process list
  --experiment <exp_…>        an experiment of the server; the queue groups do without
  --other-experiment <exp_…>  a second one, for what must not cross; made over the API when left out and possible
  --max-artifact-bytes <n>    the cap on deposits, such as 1MiB, when it is known and small enough to go over
  --group <name>              only this group, such as "artifact transfer" or artifact-transfer; may be repeated
  --json                      the report as JSON
  --list                      what is required and what is tried, without running anything

Exit codes: 0 conformant, 1 something failed, 2 the call is wrong, the server cannot be reached or refuses the admin token.`;

/** The parsed command line. `wrong` means that it has an error; `reason` says which one. */
export type Request =
  | { readonly kind: 'help' }
  | { readonly kind: 'list'; readonly groups: readonly Group[]; readonly json: boolean }
  | { readonly kind: 'run'; readonly groups: readonly Group[]; readonly json: boolean; readonly target: Target }
  | { readonly kind: 'wrong'; readonly reason: string };

const options = {
  url: { type: 'string' },
  'admin-token': { type: 'string' },
  'admin-token-file': { type: 'string' },
  experiment: { type: 'string' },
  'other-experiment': { type: 'string' },
  'max-artifact-bytes': { type: 'string' },
  group: { type: 'string', multiple: true },
  json: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export function readCommandLine(args: readonly string[]): Request {
  try {
    const { values } = parseArgs({ args: [...args], options });
    if (values.help) return { kind: 'help' };
    const chosen = chosenGroups(values.group);
    if (values.list) return { kind: 'list', groups: chosen, json: values.json };
    return { kind: 'run', groups: chosen, json: values.json, target: targetOf(values, chosen) };
  } catch (error) {
    return { kind: 'wrong', reason: error instanceof Error ? error.message : String(error) };
  }
}

function chosenGroups(names: readonly string[] | undefined): readonly Group[] {
  if (names === undefined) return groups;
  return names.map((name) => {
    const group = groups.find((each) => each === name.toLowerCase().replaceAll('-', ' '));
    if (group === undefined) throw new Error(`there is no group "${name}"; groups are ${groups.join(', ')}`);
    return group;
  });
}

type Values = Readonly<Partial<Record<keyof typeof options, unknown>>>;

function targetOf(values: Values, chosen: readonly Group[]): Target {
  const needsExperiment = chosen.some((group) => !queueGroups.includes(group));
  const cap = textOf(values, 'max-artifact-bytes');
  return {
    url: baseUrl(required(values, 'url')),
    adminToken: adminToken(values),
    experiment: needsExperiment ? required(values, 'experiment') : (textOf(values, 'experiment') ?? ''),
    otherExperiment: textOf(values, 'other-experiment'),
    maxArtifactBytes: cap === undefined ? undefined : byteCount(cap),
  };
}

/** Parses a size in bytes, in the format of `proofhouse serve`: k is 1000, Ki is 1024. */
function byteCount(text: string): number {
  const [, number, unit = '', binary = ''] = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])(i)?)?B?$/i.exec(text) ?? [];
  const count = Math.floor(
    Number(number) * (binary === '' ? 1000 : 1024) ** ' KMGT'.indexOf(unit.toUpperCase() || ' '),
  );
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error('--max-artifact-bytes must be a size such as 1000000, 512KiB or 1MiB');
}

function adminToken(values: Values): string {
  const file = textOf(values, 'admin-token-file');
  if (file === undefined) return required(values, 'admin-token');
  return readFileSync(file, 'utf8').trim();
}

function baseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`--url must be an http or https URL, not "${text}"`);
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function required(values: Values, name: keyof typeof options): string {
  const text = textOf(values, name);
  if (text === undefined) throw new Error(`--${name} is missing`);
  return text;
}

function textOf(values: Values, name: keyof typeof options): string | undefined {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
