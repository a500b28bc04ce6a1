import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Blobs, blobUrlFolder, openBlobBackend } from '@proofhouse/blobs';
import { isAppError } from '@proofhouse/core';
import type { Config } from '../config/config.ts';
import { blobsAreFiles, databaseIsInMemory, lossesAtRestart, schemeOf } from '../config/lasting-storage.ts';
import { loadConfig, type ConfigSources } from '../config/load-config.ts';
import { lookAtViewRoot } from '../artifacts/view-root.ts';
import { lookApart } from '../config/require-apart.ts';
import { mostSkewMs } from '../kernel/time/clock-watch.ts';
import { systemClock, type Clock } from '../kernel/time/clock.ts';
import { Ids } from '../kernel/ids.ts';
import { probeFolder } from '../kernel/files/probe-folder.ts';
import { modeText } from '../kernel/files/private-files.ts';
import { widePlaces } from './private-places.ts';
import { adoptHint, blobFacts, judgeStore, parseIdentity } from '../retention/store-identity.ts';
import { inspectDatabase, schemaAge, type DatabaseInspection } from '../stores/inspect-database.ts';
import { grantReadOnly } from '../stores/grant-read-only.ts';

export interface DoctorOptions extends ConfigSources {
  /** Name of a Postgres role. If it is given, the role is granted read access to everything except secrets. */
  readonly grantReadOnly?: string | undefined;
  readonly clock?: Clock;
}

/** The result of one check. */
export interface Examined {
  readonly name: string;
  /** `ok`: no problem. `note`: no error, but the user should know it. `wrong`: the user must correct it. */
  readonly outcome: 'ok' | 'note' | 'wrong';
  readonly text: string;
}

type Finding = Omit<Examined, 'name'>;

/**
 * Checks everything that a start of the server needs, and yields the result of each check. Writes probe files and
 * removes them again. Grants read access if `grantReadOnly` is given. Changes nothing else. A server may run at the
 * same time.
 */
export async function* examine(options: DoctorOptions): AsyncGenerator<Examined, void, undefined> {
  let config: Config;
  try {
    config = loadConfig(options);
  } catch (error) {
    yield { name: 'settings', ...wrong(error) };
    return;
  }
  yield {
    name: 'settings',
    outcome: 'ok',
    text: `Mode ${config.mode}, would listen on ${config.host}:${String(config.port)}.`,
  };
  const database = await inspectDatabase(config.databaseUrl).catch((error: unknown) => wrong(error));
  if ('outcome' in database) {
    yield { name: 'database', ...database };
  } else {
    yield { name: 'database', ...databaseFinding(database) };
    yield { name: 'clock', ...clockFinding(database, options.clock ?? systemClock) };
  }
  const folders = await tried(() => foldersFinding(config));
  yield { name: 'folders', ...folders };
  yield { name: 'modes', ...(await tried(async () => modesFinding(config))) };
  const blobs = await tried(() => blobsFinding(config, 'outcome' in database ? undefined : database));
  yield { name: 'blobs', ...blobs };
  const broken = [database, folders, blobs].some((each) => 'outcome' in each && each.outcome === 'wrong');
  yield { name: 'lasting', ...(broken ? untold : lastingFinding(config)) };
  yield { name: 'retention', ...retentionFinding(config) };
  yield { name: 'quota', ...quotaFinding(config) };
  const { grantReadOnly: role } = options;
  if (role !== undefined) yield { name: 'grant', ...(await tried(() => grantFinding(config, database, role))) };
}

const untold: Finding = { outcome: 'note', text: 'Not to be told before what is wrong above is set right.' };

function databaseFinding({ kind: engine, file, missing, schema, inUse }: DatabaseInspection): Finding {
  const kind = file === undefined ? engine : `${engine} (${file})`;
  if (missing === true)
    return { outcome: 'note', text: `${engine}, will be made by the first start at ${String(file)}.` };
  if (engine === 'memory') return { outcome: 'note', text: 'Kept in memory: every start begins with nothing.' };
  const use = inUse ? ' A running server has the file open.' : '';
  switch (schemaAge(schema)) {
    case 'none':
      return { outcome: 'note', text: `${kind}, reachable and empty: the first start makes its tables.${use}` };
    case 'older':
      return {
        outcome: 'note',
        text: `${kind}, schema ${String(schema)}: the next start brings it up to this version.${use}`,
      };
    case 'current':
      return { outcome: 'ok', text: `${kind}, schema ${String(schema)}, as this version has it.${use}` };
    case 'newer':
      return {
        outcome: 'wrong',
        text: `${kind}, schema ${String(schema)} of a newer Proofhouse: start that version.${use}`,
      };
  }
}

function clockFinding({ now }: DatabaseInspection, clock: Clock): Finding {
  if (now === undefined)
    return {
      outcome: 'ok',
      text: 'The database is told the time of this machine: its wall clock, watched by its monotonic one.',
    };
  const skewMs = Math.round(Math.abs(now - clock.now()));
  const text = `The clocks of this machine and of the database differ by ${String(skewMs)} ms`;
  if (skewMs <= mostSkewMs) return { outcome: 'ok', text: `${text}.` };
  return { outcome: 'wrong', text: `${text}; a start accepts at most 2000: set them by NTP.` };
}

async function foldersFinding(config: Config): Promise<Finding> {
  const found = await lookApart(config);
  if (found === undefined) return { outcome: 'ok', text: 'Bytes lie in no folder: there is nothing to keep apart.' };
  const { blobs, view } = found;
  const wrongView = view.missing ? undefined : await viewRootTrouble(view.path);
  if (wrongView !== undefined) return { outcome: 'wrong', text: wrongView };
  const text = `Bytes (${blobs.path}) and what is shown of them (${view.path}) lie apart`;
  if (!view.missing) return { outcome: 'ok', text: `${text}.` };
  return { outcome: 'note', text: `${text}; the latter will be made by the first start.` };
}

/**
 * Returns the reason why a start would refuse the root of the job view, or undefined. Does not check whether the root
 * belongs to another store.
 */
async function viewRootTrouble(root: string): Promise<string | undefined> {
  const { foreign } = await lookAtViewRoot(root);
  if (foreign === undefined) return undefined;
  return `The root of the job view, ${root}, holds ${JSON.stringify(foreign)}, which is no folder of a job: give it another with AGENT_JOB_ARTIFACT_ROOT.`;
}

function modesFinding(config: Config): Finding {
  const wide = widePlaces(config);
  if (wide.length === 0) return { outcome: 'ok', text: 'Only this user can reach what is private.' };
  const shown = wide
    .slice(0, 5)
    .map(({ path, mode, allowed }) => `${path} (${modeText(mode)}, at most ${modeText(allowed)})`);
  const more = wide.length > shown.length ? ` and ${String(wide.length - shown.length)} more` : '';
  const text = `Other users can reach ${shown.join(', ')}${more}`;
  if (wide.every(({ ours }) => ours)) return { outcome: 'note', text: `${text}; the next start tightens them.` };
  return { outcome: 'wrong', text: `${text}; run chmod, or give Proofhouse folders of its own.` };
}

async function blobsFinding(config: Config, database: DatabaseInspection | undefined): Promise<Finding> {
  const folder = blobUrlFolder(config.blobUrl);
  const look = folder === undefined ? undefined : probeFolder(folder);
  if (look?.missing === true)
    return { outcome: 'note', text: `filesystem: will be made by the first start at ${look.path}.` };
  // Opening the backend would create its folders `blobs` and `staging`. Only the first start of a server may do this.
  if (look !== undefined && !['blobs', 'staging'].every((name) => existsSync(join(look.path, name))))
    return { outcome: 'note', text: `filesystem: will be laid out by the first start in ${look.path}.` };
  const ids = new Ids(systemClock);
  const backend = await openBlobBackend(config.blobUrl, { allowMemory: config.mode !== 'production' });
  try {
    const blobs = new Blobs({ backend, newKey: () => ids.blobKey() });
    await blobs.probe();
    const other = database === undefined ? undefined : await otherStore(database, blobs);
    if (other !== undefined) return { outcome: 'wrong', text: `${other} ${adoptHint}` };
    const kind = look === undefined ? backend.kind : `${backend.kind} (${look.path})`;
    return { outcome: 'ok', text: `${kind}: bytes can be stored, read and removed.` };
  } finally {
    await backend.close();
  }
}

/** Returns the reason why a start would refuse to use this database with this blob storage, or undefined. */
async function otherStore(
  { store, blobKeys = [], kind }: DatabaseInspection,
  blobs: Blobs,
): Promise<string | undefined> {
  if (!blobs.supports.durable) return undefined;
  const marker = await blobs.readMarker();
  if (kind === 'memory') {
    return marker === undefined
      ? undefined
      : `The blob storage belongs to store ${marker}, and the database is in memory.`;
  }
  const databaseId = store === undefined ? undefined : parseIdentity(store).id;
  const facts = marker === undefined ? await blobFacts(blobs, blobKeys) : { holdsNamed: false, holdsBlobs: false };
  const verdict = judgeStore({ databaseId, marker, namesBlobs: blobKeys.length > 0, ...facts });
  return verdict.outcome === 'refuse' ? verdict.why : undefined;
}

function lastingFinding(config: Config): Finding {
  const lasting = { database: !databaseIsInMemory(config), blobs: schemeOf(config.blobUrl) !== 'memory' };
  const losses = lossesAtRestart(lasting);
  if (losses.length > 0) return { outcome: 'note', text: losses.join(' ') };
  if (!blobsAreFiles(config) || config.durableFilesystem) return { outcome: 'ok', text: 'A restart loses nothing.' };
  const text =
    'A restart loses nothing. Whether the disk outlives this machine was not said (PROOFHOUSE_DURABLE_FILESYSTEM).';
  return { outcome: 'note', text };
}

function retentionFinding({ retention, collectGraceMs, collectEveryMs }: Config): Finding {
  const days = Object.entries(retention.days).map(([type, count]) => `${type} ${String(count)} days`);
  const expires = days.length === 0 ? 'No bytes expire.' : `Bytes are kept: ${days.join(', ')}; other types for ever.`;
  const hours = (ms: number): string => `${String(ms / 3_600_000)} h`;
  const every = collectEveryMs === 0 ? 'only by `proofhouse storage gc`' : `every ${hours(collectEveryMs)}`;
  return { outcome: 'ok', text: `${expires} Collection runs ${every}, with ${hours(collectGraceMs)} of grace.` };
}

function quotaFinding({ storageQuotaBytes, storageWarnPercent }: Config): Finding {
  if (storageQuotaBytes === undefined) return { outcome: 'ok', text: 'There is no quota.' };
  const text = `${String(storageQuotaBytes)} bytes, with a warning from ${String(storageWarnPercent)} %.`;
  return { outcome: 'ok', text };
}

async function grantFinding(config: Config, found: DatabaseInspection | Finding, role: string): Promise<Finding> {
  if ('outcome' in found)
    return { outcome: 'wrong', text: 'The database could not be looked at: nothing was granted.' };
  if (found.kind !== 'postgres') return { outcome: 'wrong', text: 'Only Postgres has roles: nothing was granted.' };
  // Only the current schema can be granted. A newer schema may have columns with secrets that this version does not
  // know. An older schema lacks tables, and the next start of the server adds and grants these.
  if (schemaAge(found.schema) !== 'current') {
    return {
      outcome: 'wrong',
      text: 'The schema is not that of this version: start the server first. Nothing was granted.',
    };
  }
  await grantReadOnly(config.databaseUrl, role);
  const text = `The role ${JSON.stringify(role)} may read everything but secrets, after updates too.`;
  return { outcome: 'ok', text };
}

async function tried(look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    return wrong(error);
  }
}

function wrong(error: unknown): Finding {
  const message = isAppError(error)
    ? error.message
    : `The look failed: ${error instanceof Error ? error.message : String(error)}`;
  return { outcome: 'wrong', text: message };
}
