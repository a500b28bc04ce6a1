import { readFileSync } from 'node:fs';
import { AppError, wantedWords } from '@proofhouse/core';
import { z } from 'zod';
import { completeConfig, type Config } from './config.ts';
import { clientVariables, jobVariables, settings, type Setting, type SettingName } from './settings.ts';

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The values of flags by flag name, for example `{ "data-dir": "/srv" }`. */
  readonly flags: Readonly<Record<string, string | undefined>>;
}

const names = Object.keys(settings) as SettingName[];

/**
 * Reads settings from these sources, in rising order of precedence: defaults, the JSON file that PROOFHOUSE_CONFIG names
 * (its keys are those of `settings`, for example `"dataDir"`), environment, flags. Errors: `invalid_request` with one
 * sentence about a wrong setting. For an unknown name the message suggests the nearest known name.
 */
export function loadConfig(sources: ConfigSources): Config {
  refuseUnknown(sources);
  const file = readFile(sources.env['PROOFHOUSE_CONFIG']);
  const given: Record<string, unknown> = {};
  for (const name of names) {
    const found = find(name, sources, file);
    if (found !== undefined) given[name] = parse(settings[name], found);
  }
  return completeConfig(given);
}

interface Found {
  readonly text: string;
  /** The name of the setting in the form that the user wrote, for messages: `--port`, `PROOFHOUSE_PORT` or `"port"`. */
  readonly as: string;
}

function find(name: SettingName, sources: ConfigSources, file: Record<string, string>): Found | undefined {
  const row: Setting = settings[name];
  const flag = row.flag === undefined ? undefined : sources.flags[row.flag];
  if (flag !== undefined) return { text: flag, as: `--${String(row.flag)}` };
  for (const variable of row.env) {
    const value = sources.env[variable];
    if (value !== undefined && value !== '') return { text: value, as: variable };
  }
  const fromFile = file[name];
  return fromFile === undefined ? undefined : { text: fromFile, as: `"${name}"` };
}

function parse(row: Setting, found: Found): unknown {
  const result = row.schema.safeParse(found.text.trim(), { error: wantedWords });
  if (result.success) return result.data;
  const why = result.error.issues.map((issue) => issue.message).join('; ');
  const shown = row.secret === true ? '' : ` ${JSON.stringify(found.text)}`;
  throw new AppError('invalid_request', `${found.as}${shown} is not usable: ${why}.`);
}

function readFile(path: string | undefined): Record<string, string> {
  if (path === undefined || path === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new AppError('invalid_request', `PROOFHOUSE_CONFIG ${path} cannot be read as JSON.`, { cause });
  }
  const shape = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));
  const result = shape.safeParse(parsed);
  if (!result.success) throw new AppError('invalid_request', `PROOFHOUSE_CONFIG ${path} must hold one flat object.`);
  for (const key of Object.keys(result.data)) {
    if (!names.some((name) => name === key)) throw unknown(`"${key}" in ${path}`, key, names);
  }
  return Object.fromEntries(
    Object.entries(result.data).map(([key, value]) => [key, Array.isArray(value) ? value.join(',') : String(value)]),
  );
}

// Refuses unknown variables and flags, because ignoring a misspelt name could put a store on the wrong disk.
function refuseUnknown(sources: ConfigSources): void {
  const variables = names.flatMap((name) => [...settings[name].env]);
  const known: readonly string[] = [...variables, ...clientVariables];
  for (const variable of Object.keys(sources.env)) {
    if (jobVariables.some((each) => each === variable)) throw ofJob(variable);
    if (/^(PROOFHOUSE|AGENT_JOB_ARTIFACT)_/.test(variable) && !known.includes(variable)) {
      throw unknown(variable, variable, known);
    }
  }
  const flags = names.flatMap((name) => (settings[name] as Setting).flag ?? []);
  for (const [flag, value] of Object.entries(sources.flags)) {
    if (value !== undefined && !flags.includes(flag)) throw unknown(`--${flag}`, flag, flags);
  }
}

function ofJob(variable: string): AppError {
  const message = `${variable} is what a worker gives the command of a job; no server reads it. Unset it to start one here.`;
  return new AppError('invalid_request', message);
}

function unknown(shown: string, name: string, known: readonly string[]): AppError {
  const nearest = [...known].sort((a, b) => distance(name, a) - distance(name, b))[0];
  return new AppError('invalid_request', `${shown} is not a setting; did you mean ${String(nearest)}?`);
}

/** Returns the Levenshtein distance of two names. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(swap, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
