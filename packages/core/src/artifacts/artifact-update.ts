import { AppError, type FieldError } from '../app-error.ts';
import { actorOf } from '../people/actor.ts';
import type { Principal } from '../principal.ts';
import { moved, requireVersion, versionConflict, type ReviewSettings } from '../review/decide-review.ts';
import { mergedFindings, secretFindings, type SecretFindings } from '../values/secret-findings.ts';
import { checksumOf, type ArtifactContent, type PointerContent } from './artifact-content.ts';
import type { HistoryRecord } from './artifact-history.ts';
import type { UpdateArtifact } from './artifact-input.ts';
import { artifactToJson, type ArtifactRecord, type ArtifactStatus, type StorageProvider } from './artifact.ts';
import { pointerViolations, storagePolicyError } from './storage-policy.ts';
import type { JudgedUri } from './storage-uri.ts';

/** A request to change an artifact, with the results of the checks that need no record. */
export interface ArtifactUpdate {
  readonly principal: Principal;
  readonly fields: Omit<UpdateArtifact, 'expectedVersion'>;
  readonly expectedVersion: number | undefined;
  /** The result of `judgeStorageUri` for `fields.storageUri`. Used only if the URI of the record changes. */
  readonly judged: JudgedUri | undefined;
  /** Secrets that were found in the text fields of the request. */
  readonly findings: SecretFindings | null;
  readonly settings: ReviewSettings;
  /** Epoch ms. */
  readonly now: number;
}

export interface DecidedUpdate {
  /** The record after the change. It is the same object as before if nothing changes. */
  readonly artifact: ArtifactRecord;
  /** The entries of the history that must be written in the commit of the change. */
  readonly history: readonly Omit<HistoryRecord, 'id'>[];
}

/**
 * Decides an update of an artifact. A change of the URI or checksum of an approved pointer sends it back to
 * `needs-review`. Errors: `version_conflict` (with the present record), `forbidden` (a worker changes more than its own
 * drafts, or approves what it made), `storage_policy`, `review_conflict` (the move is not in the table).
 */
export function decideArtifactUpdate(before: ArtifactRecord, update: ArtifactUpdate): DecidedUpdate {
  requireVersion(before, update.expectedVersion);
  const isDescribing = Object.keys(update.fields).some((field) => field !== 'status');
  if (isDescribing) requireDraftOfWorker(before, update.principal);
  const described = describedBy(before, update);
  const content = contentAfter(before, update);
  const next = { ...described, ...content };
  const isDescribed = JSON.stringify(next) !== JSON.stringify(before);
  const violations = isDescribed ? pointerViolations(next) : [];
  if (violations.length > 0) throw storagePolicyError(violations);
  const at = Math.max(update.now, before.updatedAt + 1);
  const entry = { artifactId: before.id, at, actor: actorOf(update.principal), digest: checksumOf(next.content) };
  const history: Omit<HistoryRecord, 'id'>[] = [];
  let artifact = next;
  if (isReplaced(before.content, next.content)) {
    const from = before.status;
    const to: ArtifactStatus = from === 'approved' ? 'needs-review' : from;
    const note = `before: ${shownContent(before.content)}`;
    history.push({ ...entry, decision: 'replace', from, to, note, comments: null });
    artifact = { ...artifact, status: to };
  }
  const wanted = update.fields.status ?? before.status;
  if (wanted !== before.status && wanted !== artifact.status) {
    const review = moved(artifact, { to: wanted }, update.principal, at, update.settings);
    history.push(review.entry);
    ({ artifact } = review);
  }
  if (!isDescribed && history.length === 0) return { artifact: before, history };
  return { artifact: { ...artifact, version: before.version + 1, updatedAt: at }, history };
}

/** Returns the record after the change of all fields except those about its content. */
function describedBy(before: ArtifactRecord, { fields, findings }: ArtifactUpdate): ArtifactRecord {
  const dataClass = fields.dataClass === undefined ? before.dataClass : (fields.dataClass ?? 'internal');
  const changed = {
    type: fields.type ?? before.type,
    title: fields.title ?? before.title,
    description: kept(fields.description, before.description),
    filename: kept(fields.filename, before.filename),
    contentType: kept(fields.contentType, before.contentType),
    dataClass,
    visibility: fields.visibility === undefined ? before.visibility : (fields.visibility ?? dataClass),
    assistantJobId: kept(fields.assistantJobId, before.assistantJobId),
    reviewer: kept(fields.reviewer, before.reviewer),
    tags: kept(fields.tags, before.tags) ?? [],
    metadata: kept(fields.metadata, before.metadata) ?? {},
  };
  return { ...before, ...changed, findings: findingsAfter(before.findings, findings, Object.keys(fields)) };
}

function kept<Value>(given: Value | null | undefined, before: Value | null): Value | null {
  return given === undefined ? before : given;
}

/** Returns the findings without those of the replaced fields, and with those of the new texts. */
export function findingsAfter(
  before: SecretFindings | null,
  found: SecretFindings | null,
  replaced: readonly string[],
): SecretFindings | null {
  const stays = ({ field }: { readonly field: string }): boolean => !replaced.includes(field.split('.')[0] ?? '');
  const left = before && secretFindings(before.secrets.filter(stays), before.unscanned.filter(stays), before.omitted);
  return mergedFindings(left, found);
}

type Place = Pick<ArtifactRecord, 'content' | 'storageProvider'>;

function contentAfter(before: ArtifactRecord, update: ArtifactUpdate): Place {
  const { content } = before;
  if (content.kind === 'pointer') return pointerAfter(before, content, update);
  const { storageUri, storageProvider, checksum, sizeBytes } = update.fields;
  const given = { storageUri, storageProvider, checksum, sizeBytes };
  const stored: Readonly<Record<string, unknown>> = artifactToJson(before);
  const violations = Object.entries(given).flatMap(([path, value]): FieldError[] =>
    value === undefined || value === stored[path]
      ? []
      : [{ path, message: 'cannot be changed, because the bytes are stored here' }],
  );
  if (violations.length > 0) throw storagePolicyError(violations);
  return { content, storageProvider: before.storageProvider };
}

function pointerAfter(before: ArtifactRecord, content: PointerContent, { fields, judged }: ArtifactUpdate): Place {
  const checksum = kept(fields.checksum, content.checksum);
  const sizeBytes = kept(fields.sizeBytes, content.sizeBytes);
  const isMoved = fields.storageUri !== undefined && fields.storageUri !== content.uri;
  // When the request was checked, its URI was that of the record, so it was not judged. Since then, another request has
  // changed the record.
  if (isMoved && judged === undefined) throw versionConflict(before, 'has changed');
  const place = isMoved && judged !== undefined ? requireJudged(judged) : undefined;
  const { uri, provider } = place ?? { uri: content.uri, provider: before.storageProvider };
  requireProvider(provider, fields.storageProvider);
  return { content: { ...content, uri, checksum, sizeBytes }, storageProvider: provider };
}

/** Returns the URI to store and its provider. Throws `storage_policy` if the URI is refused. */
export function requireJudged(judged: JudgedUri): { readonly uri: string; readonly provider: StorageProvider } {
  if (judged.objection === undefined) return judged;
  throw storagePolicyError([{ path: 'storageUri', message: judged.objection }]);
}

/** Throws `storage_policy` if a request names another provider than the one of its URI. */
export function requireProvider(provider: StorageProvider, named: StorageProvider | null | undefined): void {
  if (named == null || named === provider) return;
  throw storagePolicyError([{ path: 'storageProvider', message: `must be ${provider}, which storageUri belongs to` }]);
}

function isReplaced(before: ArtifactContent, after: ArtifactContent): boolean {
  if (before.kind === 'owned' || after.kind === 'owned') return false;
  return before.uri !== after.uri || before.checksum !== after.checksum;
}

function shownContent(content: ArtifactContent): string {
  const uri = content.kind === 'pointer' ? content.uri : '';
  return `${uri} ${checksumOf(content) ?? 'without checksum'}`;
}

/** A worker may change the fields of its own artifacts only while they are drafts. The access table checks the owner. */
function requireDraftOfWorker({ id, status }: ArtifactRecord, principal: Principal): void {
  if (principal.kind !== 'worker' || status === 'draft') return;
  throw new AppError('forbidden', `A worker changes only its drafts, and artifact ${id} is ${status}.`);
}
