import { AppError } from '@proofhouse/core';
import { createLocalJWKSet, errors, type FlattenedJWSInput, type JWSHeaderParameters } from 'jose';
import { z } from 'zod';
import { isSafeIssuerUrl } from '../kernel/host-name.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Clock } from '../kernel/time/clock.ts';

/** Keys are loaded again after this time (milliseconds). */
const freshMs = 10 * 60 * 1000;
/** If the issuer cannot be reached, keys are used up to this age (milliseconds). */
const usableMs = 60 * 60 * 1000;
/** Time between two loads (milliseconds), whatever tokens arrive. So tokens with unknown keys cannot flood the issuer. */
const coolDownMs = 15_000;
/** Largest document that is read from the issuer. */
const maxBytes = 1024 * 1024;

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.string().refine(isSafeIssuerUrl) });
const keySetSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(200) });

type KeyOf = ReturnType<typeof createLocalJWKSet>;

export interface IssuerKeysParts {
  readonly issuer: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Time limit of one request to the issuer, milliseconds. */
  readonly timeoutMs?: number;
}

/**
 * The public keys of an OpenID Connect provider, found by discovery and cached. Keys that a token itself names (`jku`,
 * `x5u`, `jwk`) are never used. The keys are loaded when a token needs them, so a server starts without its issuer.
 */
export class IssuerKeys {
  readonly #issuer: string;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #timeoutMs: number;
  #keys: { readonly of: KeyOf; readonly at: number } | undefined;
  #triedAt = -Infinity;
  #loading: Promise<void> | undefined;

  constructor({ issuer, clock, logger, timeoutMs = 5000 }: IssuerKeysParts) {
    this.#issuer = issuer;
    this.#clock = clock;
    this.#logger = logger;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Returns the key with which a token was signed. If the key is unknown, the keys are loaded again, at most once in
   * `coolDownMs`. Errors: `unavailable` if the issuer cannot be reached; errors of `jose` if no key fits.
   */
  async keyOf(header: JWSHeaderParameters, token: FlattenedJWSInput): ReturnType<KeyOf> {
    const keys = this.#usable(freshMs) ?? (await this.#load(this.#usable(usableMs)));
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      return (await this.#load(keys))(header, token);
    }
  }

  #usable(ageMs: number): KeyOf | undefined {
    const keys = this.#keys;
    return keys !== undefined && this.#clock.monotonic() - keys.at < ageMs ? keys.of : undefined;
  }

  /** Loads the keys, unless a load began less than `coolDownMs` ago. If it fails, the result is `otherwise`. */
  async #load(otherwise: KeyOf | undefined): Promise<KeyOf> {
    if (this.#loading === undefined && this.#clock.monotonic() - this.#triedAt >= coolDownMs) {
      this.#triedAt = this.#clock.monotonic();
      this.#loading = this.#fetchKeys().finally(() => {
        this.#loading = undefined;
      });
    }
    await this.#loading;
    const keys = this.#usable(usableMs) ?? otherwise;
    if (keys !== undefined) return keys;
    throw new AppError(
      'unavailable',
      'The OpenID Connect provider cannot be reached, so its tokens cannot be checked; other credentials are accepted.',
    );
  }

  async #fetchKeys(): Promise<void> {
    try {
      const base = this.#issuer.replace(/\/$/, '');
      const found = discoverySchema.parse(await this.#fetchJson(`${base}/.well-known/openid-configuration`));
      if (found.issuer !== this.#issuer) throw new Error(`the discovery document is that of ${found.issuer}`);
      const set = keySetSchema.parse(await this.#fetchJson(found.jwks_uri));
      this.#keys = { of: createLocalJWKSet(set), at: this.#clock.monotonic() };
    } catch (error) {
      this.#logger.warn({ err: error }, 'the keys of the OpenID Connect provider could not be loaded');
    }
  }

  async #fetchJson(url: string): Promise<unknown> {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(this.#timeoutMs),
    });
    if (!response.ok || response.body === null) throw new Error(`${url} answered ${String(response.status)}`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    const body: AsyncIterable<Uint8Array> = response.body;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > maxBytes) throw new Error(`${url} answered more than ${String(maxBytes)} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  }
}
