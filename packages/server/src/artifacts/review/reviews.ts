import {
  AppError,
  actorOf,
  artifactToJson,
  decideReview,
  decideSupersede,
  findingsAfter,
  isAppError,
  may,
  problemOf,
  requeuedJob,
  type Action,
  type ArtifactRecord,
  type HistoryRecord,
  type JobRecord,
  type Principal,
  type ReviewMany,
  type ReviewManyResult,
  type ReviewMove,
  type ReviewSettings,
  type SecretFindings,
} from '@proofhouse/core';
import { hintOf, type JobHints } from '../../jobs/job-hints.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { inAuditedItem } from '../../kernel/audited-call.ts';
import { insert, update, type Change, type Commits } from '../../kernel/commit.ts';
import { decideAndCommit } from '../../kernel/decide-and-commit.ts';
import type { Ids } from '../../kernel/ids.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import { checkedField, type CheckedText } from '../../secrets/checked-text.ts';
import { maskedError, maskedText } from '../../secrets/masked-error.ts';
import type { SecretPolicy } from '../../secrets/secret-policy.ts';
import type { Artifacts } from '../artifacts.ts';

export interface ReviewsParts {
  readonly artifacts: Pick<Artifacts, 'require'>;
  readonly commits: Commits;
  readonly secrets: Pick<SecretPolicy, 'check'>;
  readonly settings: ReviewSettings;
  readonly jobs: Pick<Jobs, 'require'>;
  readonly hints: Pick<JobHints, 'publish'>;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Moves the status of artifacts. The entry of the history is written in the commit of the move. */
export class Reviews {
  readonly #parts: ReviewsParts;

  constructor(parts: ReviewsParts) {
    this.#parts = parts;
  }

  /**
   * Moves an artifact to the status `move.to`. Without an expected version or digest, the move applies to whatever is
   * stored. Errors: `artifact_not_found`, `forbidden`, `version_conflict` (with the present record), `review_conflict`,
   * `secret_found`, `unavailable`.
   */
  async move(principal: Principal, artifactId: string, move: ReviewMove): Promise<ArtifactRecord> {
    const { secrets, clock, settings } = this.#parts;
    const findings = await secrets.check(textsOf(move));
    const { result } = await decideAndCommit(this.#parts, {
      what: `Artifact ${artifactId}`,
      read: () => this.#require(principal, 'artifact.update', artifactId),
      decide: (before) => {
        const { artifact, entry } = decideReview(before, move, principal, clock.now(), settings);
        const result = marked(artifact, findings);
        return { result, changes: this.#changes(before, result, entry) };
      },
    });
    return result;
  }

  /**
   * Rejects an artifact and enqueues its job again, in one commit. The new job has the note and the comments as
   * `payload.feedback`. Errors: as `move`, `review_conflict` (the artifact has no job), `job_not_found`.
   */
  async requeue(
    principal: Principal,
    artifactId: string,
    move: Omit<ReviewMove, 'to'>,
  ): Promise<{ artifact: ArtifactRecord; job: JobRecord }> {
    const { secrets, clock, settings, ids, jobs, hints } = this.#parts;
    const findings = await secrets.check(textsOf(move));
    const feedback = { note: move.note ?? null, comments: move.comments ?? [] };
    const { result } = await decideAndCommit(this.#parts, {
      what: `Artifact ${artifactId}`,
      read: async () => {
        const before = await this.#require(principal, 'artifact.review', artifactId);
        return { before, parent: before.jobId === null ? undefined : await jobs.require(before.jobId) };
      },
      decide: ({ before, parent }) => {
        const now = clock.now();
        const { artifact, entry } = decideReview(before, { ...move, to: 'rejected' }, principal, now, settings);
        if (parent === undefined) throw withoutJob(artifactId);
        const job = requeuedJob(parent, feedback, findings, { id: ids.uuid(), by: actorOf(principal), now });
        const after = marked(artifact, findings);
        const changes: Change[] = [...this.#changes(before, after, entry), { kind: 'add-job', job }];
        return { result: { artifact: after, job }, changes };
      },
    });
    hints.publish(hintOf(result.job));
    return result;
  }

  /**
   * Marks an approved artifact as superseded by another artifact. One commit changes both. Errors: as `move`,
   * `invalid_request` (`by` is the artifact itself).
   */
  async supersede(
    principal: Principal,
    artifactId: string,
    by: string,
    move: Omit<ReviewMove, 'to'>,
  ): Promise<ArtifactRecord> {
    const { secrets, clock, settings } = this.#parts;
    const findings = await secrets.check(textsOf(move));
    const { result } = await decideAndCommit(this.#parts, {
      what: `Artifact ${artifactId}`,
      read: async () => ({
        before: await this.#require(principal, 'artifact.review', artifactId),
        other: await this.#require(principal, 'artifact.review', by),
      }),
      decide: ({ before, other }) => {
        const { old, replacement } = decideSupersede(before, other, move, principal, clock.now(), settings);
        const result = marked(old.artifact, findings);
        const changes = [
          ...this.#changes(before, result, old.entry),
          ...this.#changes(other, replacement.artifact, replacement.entry),
        ];
        return { result, changes };
      },
    });
    return result;
  }

  /** Decides about each artifact by itself, in the order of the items. An item that is refused has its error. */
  async moveMany(principal: Principal, { decision, note, items }: ReviewMany): Promise<ReviewManyResult> {
    const to = decision === 'approve' ? 'approved' : 'rejected';
    const results: ReviewManyResult['results'] = [];
    for (const { artifactId, ...seen } of items) {
      const work = (): Promise<ArtifactRecord> => this.move(principal, artifactId, { ...seen, note, to });
      try {
        const artifact = await inAuditedItem(`artifact:${artifactId}`, work);
        results.push({ artifactId, status: 200, artifact: artifactToJson(artifact) });
      } catch (error) {
        if (!isAppError(error)) throw error;
        results.push({
          artifactId: maskedText(artifactId),
          status: error.status,
          error: problemOf(maskedError(error)),
        });
      }
    }
    return { results };
  }

  #changes(before: ArtifactRecord, after: ArtifactRecord, entry: Omit<HistoryRecord, 'id'>): Change[] {
    const record = insert('artifact-history', { ...entry, id: this.#parts.ids.uuid() });
    return [update('artifact', after, before.version), record];
  }

  async #require(principal: Principal, action: Action, artifactId: string): Promise<ArtifactRecord> {
    const artifact = await this.#parts.artifacts.require(artifactId);
    const { createdBy, dataClass } = artifact;
    if (may(principal, action, { kind: 'artifact', createdBy, dataClass, job: undefined })) return artifact;
    throw new AppError('forbidden', `Artifact ${artifactId} was made by another worker.`);
  }
}

function withoutJob(artifactId: string): AppError {
  return new AppError('review_conflict', `Artifact ${artifactId} has no job that could be enqueued again.`, {
    errors: [{ path: 'requeue', message: 'needs an artifact of a job' }],
  });
}

/** Returns the texts of a decision that are checked for secrets. */
function textsOf({ note, comments }: Omit<ReviewMove, 'to'>): CheckedText[] {
  const texts = (comments ?? []).flatMap(({ path, quote, text }, index) =>
    Object.entries({ path, quote, text }).flatMap(([name, value]) =>
      checkedField(`comments.${String(index)}.${name}`, value),
    ),
  );
  return [...checkedField('note', note), ...texts];
}

/** Returns the record with the findings of this decision, in place of those of the decision before. */
function marked(artifact: ArtifactRecord, findings: SecretFindings | null): ArtifactRecord {
  return { ...artifact, findings: findingsAfter(artifact.findings, findings, ['note', 'comments']) };
}
